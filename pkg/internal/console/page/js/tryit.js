import { clientsURL, quoted } from "./api.js";
import { Choice, Code, docs, Field, formats, Head, html, Page, Panel, useContext, useState } from "./ui.js";

const endpoints = { in: "produce", out: "consume, as a group", tail: "read live", queue: "share records one by one" };

export function TryIt() {
  const { settings } = useContext(Page);
  const [f, set] = useState({ at: clientsURL(settings.clients), endpoint: "tail", topic: "demo", client: "me", group: "", valType: "json", from: "last:10", message: '{"key":{"value":"k"},"value":{"value":{"hello":1}}}' });
  const text = (name) => ({ value: f[name], onInput: (e) => set({ ...f, [name]: e.target.value }) });
  const q = new URLSearchParams({ topic: f.topic, clientId: f.client });
  const grouped = f.endpoint === "out" || f.endpoint === "queue";
  if (grouped) q.set("groupId", f.group || `${f.client}-group`);
  if (f.valType !== "string") q.set("valType", f.valType);
  if (f.endpoint === "tail" && f.from) q.set("from", f.from);
  const url = `${f.at}/socket/${f.endpoint}?${q}`;
  return html`<${Head} title="Try it" sub="the address of a socket, and code that opens it" />
    <div class="grid"><div class="panel pad form">
      <${Field} label="Proxy" grow><input ...${text("at")} /><//>
      <${Choice} label="To" value=${f.endpoint} of=${endpoints} onChange=${(endpoint) => set({ ...f, endpoint })} />
      <${Field} label="Topic"><input ...${text("topic")} /><//><${Field} label="clientId"><input ...${text("client")} /><//>
      ${grouped && html`<${Field} label="groupId"><input ...${text("group")} placeholder=${`${f.client}-group`} /><//>`}
      <${Choice} label="valType" value=${f.valType} of=${formats} onChange=${(valType) => set({ ...f, valType })} />
      ${f.endpoint === "tail" && html`<${Field} label="from"><input ...${text("from")} /><//>`}
      ${f.endpoint === "in" && html`<${Field} label="Message" grow><input ...${text("message")} /><//>`}
    </div>
    <${Panel} title="Code" acts=${html`<a class="small" href=${docs(f.endpoint === "tail" ? "docs/live.md" : f.endpoint === "queue" ? "docs/queues.md" : "docs/protocol.md")} target="_blank" rel="noreferrer">Guide</a>`}><div class="pad grid">${code(f.endpoint === "in", url, f.message).map((item) => html`<${Code} ...${item} />`)}
      <p class="small mute">Where clients authenticate, add their credentials: in the header Authorization, or in a browser by a subprotocol, never in the address.</p></div><//></div>`;
}

function code(writes, url, message) {
  const s = JSON.stringify;
  return [
    { name: "curl: would it be let in? 426 says yes", text: `curl --silent --include ${quoted(url.replace(/^ws/, "http"))}` },
    { name: "websocat", text: writes ? `printf '%s\\n' ${quoted(message)} | websocat ${quoted(url)}` : `websocat ${quoted(url)}` },
    { name: "JavaScript", text: `const socket = new WebSocket(${s(url)});\nsocket.onmessage = (m) => console.log(m.data);${writes ? `\nsocket.onopen = () => socket.send(${s(message)});` : ""}\nsocket.onclose = ({ code, reason }) => console.log("closed", code, reason);` },
    { name: "Python: pip install websockets", text: `from websockets.sync.client import connect\n\nwith connect(${s(url)}) as socket:\n${writes ? `    socket.send(${s(message)})\n    print(socket.recv())` : "    for message in socket:\n        print(message)"}` },
    { name: "Go: github.com/coder/websocket", text: `c, _, err := websocket.Dial(ctx, ${s(url)}, nil)\nif err != nil {\n\treturn err\n}\ndefer c.CloseNow()\n${writes ? `if err := c.Write(ctx, websocket.MessageText, []byte(${s(message)})); err != nil {\n\treturn err\n}\n` : ""}_, message, err := c.Read(ctx)` },
    { name: "Java 11", text: `WebSocket socket = HttpClient.newHttpClient().newWebSocketBuilder().buildAsync(URI.create(${s(url.replaceAll("{", "%7B").replaceAll("}", "%7D"))}), new WebSocket.Listener() {\n  public CompletionStage<?> onText(WebSocket s, CharSequence text, boolean last) {\n    System.out.print(text + (last ? "\\n" : ""));\n    s.request(1);\n    return null;\n  }\n}).join();${writes ? `\nsocket.sendText(${s(message)}, true);` : ""}` },
  ];
}
