// The status page. It asks the daemon every few seconds and shows the answer;
// it changes nothing there. Whatever comes from the daemon becomes text and
// never HTML: names and outputs are foreign.

import * as say from "./format.js";

const every = 3000; // milliseconds between two questions
const patience = 10000; // how long an answer may take
const historyLength = 100;

const $ = (id) => document.getElementById(id);

// model is what the daemon said last.
const model = {
  status: null,
  history: { recoveries: [] },
  seen: "", // what the history shown belongs to
  skew: 0, // the daemon's clock minus this one, in milliseconds
  answered: 0, // when the last answer came
  lost: 0, // since when there is none
  why: "",
};

const now = () => Date.now() + model.skew;

// --- building elements ---

function el(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) {
      e.setAttribute(name, value);
    }
  }
  e.append(...children.filter((c) => c !== "" && c !== null && c !== undefined));
  return e;
}

function icon(name) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(ns, "use");
  use.setAttribute("href", `#${name}`);
  svg.append(use);
  return svg;
}

const badge = (look) => el("span", { class: `badge ${look.tone}` }, icon(look.icon), look.text ?? look.label);

// ticking is a text that changes with the time; tick() brings it up to date.
function ticking(kind, at) {
  const e = el("time", { datetime: at, "data-tick": kind });
  refresh(e);
  return e;
}

const ticks = {
  age: (at) => say.age(now() - at),
  for: (at) => `for ${say.age(now() - at)}`,
  ago: (at) => `${say.age(now() - at)} ago`,
  in: (at) => (at - now() > 1000 ? `in ${say.age(at - now())}` : "now"),
  trial: (at) => (at - now() > 0 ? `trial in ${say.age(at - now() + 999)}` : "trial at the next poll"),
  // A breaker without an alarm has nothing to try.
  unneeded: (at) => (at - now() > 0 ? `no trial for ${say.age(at - now() + 999)}` : "trial at its next alarm"),
  clock: (at) => say.clock(at, now()),
};

function refresh(e) {
  const text = ticks[e.dataset.tick](Date.parse(e.dateTime));
  if (e.textContent !== text) {
    e.textContent = text;
  }
}

const stops = "button, summary, pre"; // where the keyboard stops in a list

// sync makes the children of a list those of the items, and leaves alone those
// that have not changed: an element that is open or focused stays so. Two items
// may have one key, where their names differ in bytes that are no text.
function sync(parent, items, keyOf, build) {
  const times = new Map();
  const old = new Map([...parent.children].filter((c) => c.dataset.key).map((c) => [c.dataset.key, c]));
  let place = [...parent.children].find((c) => c.dataset.key) ?? null;
  for (const item of items) {
    const nth = times.get(keyOf(item)) ?? 0;
    times.set(keyOf(item), nth + 1);
    const key = nth ? `${keyOf(item)} ${nth}` : keyOf(item);
    const print = JSON.stringify(item);
    let e = old.get(key);
    old.delete(key);
    if (e?.print !== print) {
      const made = build(item, e);
      made.dataset.key = key;
      made.print = print;
      if (e) {
        if (place === e) {
          place = made;
        }
        const focused = [...e.querySelectorAll(stops)].indexOf(document.activeElement);
        e.replaceWith(made);
        made.querySelectorAll(stops)[focused]?.focus();
      }
      e = made;
    }
    if (e === place) {
      place = place.nextElementSibling;
    } else {
      parent.insertBefore(e, place);
    }
  }
  for (const e of old.values()) {
    e.remove();
  }
}

// --- the parts of the page ---

function showOverview(s) {
  const v = say.verdict(s);
  $("verdict").className = `verdict ${v.tone}`;
  if ($("verdict").textContent !== v.text) {
    $("verdict").textContent = v.text;
  }
  document.title = v.tone === "good" ? "monitor_service" : `${v.text} – monitor_service`;
  $("version").textContent = $("version").title = s.version;
  const sum = s.summary;
  const counts = [
    ["In alarm", sum.alarms, "warn"], ["Recovering", sum.recovering, "busy"], ["Queued", sum.queued, "busy"],
    ["Open breakers", sum.open_breakers, "bad"], ["Still to be cleared", sum.owed_write_backs, "warn"],
    ["Paused", sum.paused, "calm"], ["Acknowledged", sum.acknowledged, "calm"],
  ];
  const always = new Set(["In alarm", "Recovering", "Open breakers"]);
  $("counts").replaceChildren(...counts.filter(([name, n]) => n > 0 || always.has(name)).map(([name, n, tone]) =>
    el("div", { class: n > 0 ? tone : "none" }, el("dd", {}, String(n)), el("dt", {}, name))));
  $("database").replaceChildren(...databaseLine(s));
  $("banners").replaceChildren(...banners(s));
}

function databaseLine(s) {
  const db = s.database;
  const name = db.name.charAt(0).toUpperCase() + db.name.slice(1);
  const list = ["Up ", ticking("for", s.started), ". ", el("span", { class: "facts" }, name)];
  if (!db.down_since && db.last_poll) {
    list.push(", polled ", ticking("ago", db.last_poll));
  }
  if (!db.down_since && db.next_poll) {
    list.push(", again ", ticking("in", db.next_poll));
  }
  return list;
}

function banners(s) {
  const list = [];
  const banner = (tone, title, ...rest) => list.push(el("p", { class: `banner ${tone}` }, el("strong", {}, title), " ", ...rest));
  if (s.database.down_since) {
    banner("bad", "The database cannot be read", "since ", ticking("clock", s.database.down_since), " (", ticking("age", s.database.down_since),
      "). No alarm is answered until it can be. ", el("span", { class: "said" }, s.database.error ?? ""));
  }
  if (s.pause) {
    banner("calm", "All processes are paused", say.pauseText(s.pause, now()));
  }
  if (s.dry_run) {
    banner("warn", "Dry run:", "nothing is restarted.");
  }
  if (s.read_only) {
    banner("calm", "Read-only:", "whoever raises an alarm has to clear it.");
  }
  if (s.acknowledged_unknown && !s.database.down_since) {
    banner("warn", "Acknowledged alarms are not known:", s.acknowledged_unknown);
  }
  return list;
}

function processRow(p) {
  const cell = (label, ...children) => el("td", { role: "cell", "data-label": label }, el("div", {}, ...children));
  const b = say.breaker(p.breaker);
  const row = el("tr", { role: "row" },
    el("th", { role: "rowheader", scope: "row" }, nameButton(p.process)),
    cell("State", badge(say.stateOf(p.state)), ...stateAside(p)),
    cell("Target", el("span", { class: "target" }, p.strategy, p.unit ? el("code", {}, p.unit) : "")),
    cell("Breaker", el("span", { class: b.tone }, b.text, b.until ? ", " : "", b.until ? ticking(p.in_alarm ? "trial" : "unneeded", b.until) : "")),
    cell("Last recovery", ...lastRecovery(p.last_recovery)),
    cell("Alarm since", ...(p.alarm_since ? [ticking("clock", p.alarm_since), el("span", { class: "aside" }, ticking("age", p.alarm_since))] : [])));
  const body = el("tbody", { role: "rowgroup", "data-tone": say.stateOf(p.state).tone }, row);
  for (const note of notes(p)) {
    body.append(el("tr", { role: "row", class: "note" }, el("td", { role: "cell", colspan: "6" }, ...note)));
  }
  return body;
}

function nameButton(name) {
  const b = el("button", { type: "button", class: "name", title: "Show only this process" }, name);
  b.addEventListener("click", () => {
    $("filter").value = $("filter").value === name ? "" : name;
    showLists();
    $("filter").focus();
  });
  return b;
}

function stateAside(p) {
  if (p.state === "recovering" && p.recovering_since) {
    const by = p.by ? `, asked for by ${p.by}` : "";
    return [el("span", { class: "aside" }, ticking("for", p.recovering_since), by)];
  }
  if (p.state === "left_alone" && p.reason) {
    return [el("span", { class: "aside" }, say.words(p.reason))];
  }
  return [];
}

function lastRecovery(r) {
  if (!r) {
    return [];
  }
  const o = say.outcome(r);
  const detail = r.outcome === "failed" ? say.words(r.reason ?? "") : `in ${say.seconds(r.seconds)}`;
  return [el("span", { class: o.tone }, o.text), el("span", { class: "aside" }, ticking("clock", r.ended ?? r.began), detail ? `, ${detail}` : "")];
}

// notes are what has no place in the columns.
function notes(p) {
  const list = [];
  if (p.pause) {
    list.push(["Paused ", say.pauseText(p.pause, now())]);
  }
  if (p.breaker.last_error && (p.state === "open" || p.state === "failing")) {
    list.push(["Failed last with: ", el("span", { class: "said" }, p.breaker.last_error)]);
  }
  return list;
}

function recoveryItem(r, old) {
  const o = say.outcome(r);
  const details = el("details", {},
    el("summary", {},
      el("span", { class: "when" }, ticking("clock", r.began)),
      el("strong", { class: "process" }, r.process),
      badge(o),
      el("span", { class: "aside" }, r.outcome === "running" ? "" : `${say.seconds(r.seconds)} · `, say.aside(r))),
    attempts(r));
  details.open = old?.firstElementChild.open ?? false;
  return el("li", {}, details);
}

function attempts(r) {
  const list = el("ol", { class: "attempts" });
  let said = false;
  for (const a of r.attempts) {
    const text = say.attempt(a, r);
    list.append(el("li", {}, el("span", { class: "when" }, ticking("clock", a.ended)), el("span", { class: text.tone }, text.text),
      el("span", { class: "aside" }, text.took), a.error ? el("pre", { tabindex: "0" }, a.error) : ""));
    said ||= a.error === r.error;
  }
  if (r.error && !said) {
    list.append(el("li", {}, el("span", { class: "bad" }, r.attempts.length ? "It ended with" : "No attempt was made"), el("pre", { tabindex: "0" }, r.error)));
  } else if (!r.attempts.length) {
    list.append(el("li", {}, el("span", { class: "aside" }, r.outcome === "running" ? "The first attempt is under way" : "No attempt was made")));
  }
  if (r.ids?.length) {
    list.append(el("li", {}, el("span", { class: "aside" }, `process_id ${r.ids.join(", ")}`)));
  }
  return list;
}

function showLists() {
  const s = model.status;
  const query = $("filter").value.trim().toLowerCase();
  const has = (...texts) => texts.some((t) => t && t.toLowerCase().includes(query));
  const rows = s.processes.toSorted(say.byNeed).filter((p) =>
    (!$("only").checked || say.needsAttention(p)) && has(p.process, p.unit, p.strategy, p.state, say.stateOf(p.state).label));
  sync($("processes"), rows, (p) => p.process, processRow);
  const all = s.processes.length;
  $("shown").textContent = rows.length === all ? "" : `${rows.length} of ${all} shown`;
  $("processes").hidden = rows.length === 0;
  $("none").hidden = rows.length > 0;
  $("none").textContent = all ? "No process matches." : "No process is configured, in alarm or acknowledged.";
  const names = new Set(rows.map((p) => p.process));
  const list = model.history.recoveries.toReversed().filter((r) => names.has(r.process) || (!$("only").checked && has(r.process, r.unit, r.outcome)));
  sync($("history"), list, (r) => `${r.began} ${r.process}`, recoveryItem);
  $("no-history").hidden = list.length > 0 && !model.history.note;
  $("no-history").textContent = [list.length ? "" : "No recovery is remembered.", model.history.note ?? ""].filter(Boolean).join(" ");
}

function showLive() {
  const text = model.lost ? "Connection lost" : model.status ? "Live" : "Connecting";
  if ($("live-text").textContent !== text) {
    $("live-text").textContent = text;
  }
  document.body.classList.toggle("lost", model.lost > 0);
  $("lost").hidden = !model.lost;
  if (!model.lost) {
    $("lost").replaceChildren();
  } else if (!$("lost").hasChildNodes() || $("lost").why !== model.why) {
    $("lost").why = model.why;
    $("lost").replaceChildren(el("strong", {}, `Connection lost since ${say.clock(model.lost, Date.now())}.`), ` ${model.why} `,
      model.status ? "What is shown below was true then." : "", " Trying again.");
  }
}

// --- asking ---

class Refused extends Error {}

async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(patience), cache: "no-store", headers: { Accept: "application/json" } });
  if (answer.status === 401) {
    throw new Refused("The daemon asks who you are: load the page again.");
  }
  if (!answer.ok) {
    throw new Refused(`The daemon answers with status ${answer.status}.`);
  }
  return answer.json();
}

// storyOf changes when the history does.
const storyOf = (s) => JSON.stringify(s.processes.map((p) =>
  [p.process, p.state === "recovering" && s.now, p.last_recovery?.began, p.last_recovery?.outcome, p.last_recovery?.afterwards]));

async function look() {
  try {
    const status = await ask("api/v1/status");
    if (model.status && status.version !== model.status.version) {
      location.reload(); // the page of another version
      return;
    }
    const story = storyOf(status);
    if (story !== model.seen) {
      model.history = await ask(`api/v1/history?limit=${historyLength}`);
      model.seen = story;
    }
    Object.assign(model, { status, skew: Date.parse(status.now) - Date.now(), answered: Date.now(), lost: 0, why: "" });
    showOverview(status);
    showLists();
    $("overview").hidden = $("board").hidden = false;
  } catch (err) {
    model.lost ||= model.answered || Date.now();
    model.why = err instanceof Refused ? err.message : "The daemon does not answer.";
    if (!(err instanceof Refused || err instanceof TypeError || err instanceof DOMException)) {
      console.error(err); // a defect of this page
    }
  }
  showLive();
}

let timer = 0;
let looking = false;

// go asks, and asks again as long as somebody can see the page.
async function go() {
  clearTimeout(timer);
  if (looking || document.hidden) {
    return;
  }
  looking = true;
  await look();
  looking = false;
  timer = setTimeout(go, every);
}

document.addEventListener("visibilitychange", go);
window.addEventListener("online", go);
$("filters").addEventListener("submit", (e) => e.preventDefault());
$("filters").addEventListener("input", () => model.status && showLists());
setInterval(() => {
  if (!document.hidden && !model.lost) {
    document.querySelectorAll("[data-tick]").forEach(refresh);
  }
}, 1000);
go();
