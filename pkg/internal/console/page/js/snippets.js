// Code that opens a socket, for several languages.

import { quoted } from "./api.js";

// snippets are code that reads from the socket at a URL. Where there is a message, it sends that and reads the answer;
// null is none.
export const snippets = (url, message) => [
  { name: "curl: would it be let in? 426 says yes", text: curl(url) },
  { name: "websocat", text: websocat(url, message) },
  { name: "JavaScript", text: javaScript(url, message) },
  { name: "Python: pip install websockets", text: python(url, message) },
  { name: "Go: github.com/coder/websocket", text: go(url, message) },
  { name: "Java 11", text: java(url, message) },
];

// text is a string literal: those of JSON are also ones of the other languages.
const text = JSON.stringify;

// lines joins lines. Those that are for messages alone are false where there is none.
const lines = (...list) => list.filter((line) => line !== false).join("\n");

const curl = (url) => `curl --silent --include ${quoted(url.replace(/^ws/, "http"))}`;

function websocat(url, message) {
  const reading = `websocat ${quoted(url)}`;
  return message === null ? reading : `printf '%s\\n' ${quoted(message)} | ${reading}`;
}

const javaScript = (url, message) => lines(
  `const socket = new WebSocket(${text(url)});`,
  "socket.onmessage = (m) => console.log(m.data);",
  message !== null && `socket.onopen = () => socket.send(${text(message)});`,
  'socket.onclose = ({ code, reason }) => console.log("closed", code, reason);',
);

const python = (url, message) => lines(
  "from websockets.sync.client import connect",
  "",
  `with connect(${text(url)}) as socket:`,
  ...(message === null
    ? ["    for message in socket:", "        print(message)"]
    : [`    socket.send(${text(message)})`, "    print(socket.recv())"]),
);

const go = (url, message) => lines(
  `c, _, err := websocket.Dial(ctx, ${text(url)}, nil)`,
  "if err != nil {",
  "\treturn err",
  "}",
  "defer c.CloseNow()",
  ...(message === null ? [] : [
    `if err := c.Write(ctx, websocket.MessageText, []byte(${text(message)})); err != nil {`,
    "\treturn err",
    "}",
  ]),
  "_, message, err := c.Read(ctx)",
);

// java has braces escaped in the address, which java.net.URI refuses.
const java = (url, message) => lines(
  "var printer = new WebSocket.Listener() {",
  "  public CompletionStage<?> onText(WebSocket s, CharSequence text, boolean last) {",
  '    System.out.print(text + (last ? "\\n" : ""));',
  "    s.request(1);",
  "    return null;",
  "  }",
  "};",
  `var address = URI.create(${text(url.replaceAll("{", "%7B").replaceAll("}", "%7D"))});`,
  "WebSocket socket = HttpClient.newHttpClient().newWebSocketBuilder().buildAsync(address, printer).join();",
  message !== null && `socket.sendText(${text(message)}, true);`,
);
