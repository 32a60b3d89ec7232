import { render } from "../lib/preact.js";
import { ask, signIn } from "./api.js";
import { html, isField, Note, Page, Text, Trouble, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";
import { Sampler } from "./metrics.js";
import { Overview } from "./overview.js";
import { Topics } from "./topics.js";
import { Connections } from "./connections.js";
import { Groups } from "./groups.js";
import { Limits } from "./limits.js";
import { Produce } from "./produce.js";
import { TryIt } from "./tryit.js";

// views are the entries of the navigation: their name, and the component that shows what is below their path.
const views = {
  "": ["Overview", Overview],
  topics: ["Topics", Topics],
  connections: ["Connections", Connections],
  groups: ["Groups", Groups],
  produce: ["Produce", Produce],
  limits: ["Limits", Limits],
  try: ["Try it", TryIt],
};

// route reads the address of a view: the whole of it, the parts of its path, and its parameters.
function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { address: location.hash, parts: path.split("/").map(decoded), query: new URLSearchParams(query) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const themes = { "": "System", light: "Light", dark: "Dark" };

function Theme() {
  const [theme, set] = useState(() => localStorage.getItem("theme") || "");
  useEffect(() => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    localStorage.setItem("theme", theme);
  }, [theme]);
  return html`<label class="more">Theme <select value=${theme} onChange=${(e) => set(e.target.value)}>
    ${Object.entries(themes).map(([value, name]) => html`<option value=${value}>${name}</option>`)}</select></label>`;
}

// Nav leads to the views. In a small window it is a line that scrolls: the entry of the view is kept in its middle when
// another view is opened, and when the window changes.
function Nav({ current }) {
  const nav = useRef(null);
  useLayoutEffect(() => {
    const center = () => {
      const line = nav.current.getBoundingClientRect();
      const entry = nav.current.querySelector("[aria-current]").getBoundingClientRect();
      nav.current.scrollLeft += entry.left + entry.width / 2 - line.left - line.width / 2;
    };
    const size = new ResizeObserver(center); // it also tells the size at first
    size.observe(nav.current);
    return () => size.disconnect();
  }, [current]);
  return html`<nav aria-label="Views" ref=${nav}>${Object.entries(views).map(([path, [title]]) => html`<a
    href=${`#/${path}`} aria-current=${title === current ? "page" : null}>${title}</a>`)}</nav>`;
}

function App({ settings, sampler }) {
  const [place, go] = useState(route);
  const [, redraw] = useState(0);
  const main = useRef(null);
  useLayoutEffect(() => { // not an effect, before which an address may be left
    const moved = () => go(route());
    const told = () => redraw((n) => n + 1);
    addEventListener("hashchange", moved);
    sampler.listeners.add(told);
    signIn.listeners.add(told);
    return () => {
      removeEventListener("hashchange", moved);
      sampler.listeners.delete(told);
      signIn.listeners.delete(told);
    };
  }, []);
  const skip = (event) => {
    event.preventDefault();
    main.current.focus();
  };
  const [name, View] = views[place.parts[0]] || views[""];
  return html`<${Page.Provider} value=${{ settings, sampler }}>
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <div class="frame">
      <div class="rail"><a class="brand" href="#/"><img src="icon.svg" alt="" />wsproxy</a>
        <${Nav} current=${name} /><${Where} settings=${settings} error=${sampler.error} /></div>
      <main ref=${main} tabindex="-1">${signIn.awaited && html`<${SignIn} />`}
        <${View} key=${place.address} place=${place} /></main></div><//>`;
}

// Where says which replica has served the page, to whom, and whether it answers.
function Where({ settings, error }) {
  const standing = signIn.awaited ? "signed out" : error ? "no answer" : "connected";
  return html`<div class="where">
    <span class="row"><span class=${`dot ${standing === "connected" ? "on" : "bad"}`}></span>
      <span role="status">${standing}</span></span>
    <span class="more"><${Text} of=${settings.replica} /></span>
    <span class="more"><${Text} of=${settings.administrator} /></span><${Theme} /></div>`;
}

// SignIn leads to another tab, in which the browser or a proxy in front asks for credentials. The view stays as it is
// meanwhile.
const SignIn = () => html`<div class="signin"><${Note} kind="bad">
  <strong>You are signed out:</strong> the proxy does not take the browser's credentials anymore. What is shown is from
  before. Sign in in another tab: this view then goes on where it is.
  <span class="row"><a class="button" href=${location.pathname} target="_blank">Sign in again</a>
    <button type="button" onClick=${() => ask("settings.json").catch(() => {})}>Try again</button></span><//></div>`;

// tabs tells the console's other tabs that the browser has credentials.
const tabs = new BroadcastChannel("wsproxy console");
tabs.onmessage = () => signIn.found();

async function start() {
  const root = document.getElementById("app");
  try {
    const { body } = await ask("settings.json");
    tabs.postMessage("signed in");
    root.replaceChildren();
    render(html`<${App} settings=${body} sampler=${new Sampler()} />`, root);
  } catch (error) {
    const again = html`<p><button onClick=${() => location.reload()}>Try again</button></p>`;
    render(html`<main><${Trouble} error=${error} />${again}</main>`, root);
  }
}

// The key / goes to the first filter of a view.
addEventListener("keydown", (e) => {
  if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || isField(e.target)) return;
  const filter = document.querySelector("main [data-filter]");
  if (filter) {
    e.preventDefault();
    filter.focus();
  }
});

start();
