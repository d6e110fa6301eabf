// What is said about the facts, in words: the same words as the commands status
// and history use. Nothing here touches the page.

// states says of each state how it is called, how it looks, and how much it
// needs somebody: 0 needs nobody, the highest comes first.
export const states = {
  open: { label: "Breaker open", icon: "stop", tone: "bad", rank: 9 },
  failing: { label: "Failing", icon: "cross", tone: "bad", rank: 8 },
  left_alone: { label: "Left alone", icon: "minus", tone: "bad", rank: 7 },
  awaiting_owner: { label: "Awaiting owner", icon: "person", tone: "warn", rank: 6 },
  clearing: { label: "Clearing alarm", icon: "clock", tone: "warn", rank: 5 },
  recovering: { label: "Recovering", icon: "turn", tone: "busy", rank: 4 },
  queued: { label: "Queued", icon: "clock", tone: "busy", rank: 3 },
  alarm: { label: "In alarm", icon: "alert", tone: "warn", rank: 2 },
  paused: { label: "Paused", icon: "pause", tone: "calm", rank: 1 },
  acknowledged: { label: "Acknowledged", icon: "person", tone: "calm", rank: 0 },
  settling: { label: "Settling", icon: "check", tone: "good", rank: 0 },
  ok: { label: "OK", icon: "check", tone: "good", rank: 0 },
};

// stateOf knows what to say of a state that a newer daemon may have.
export function stateOf(name) {
  return (Object.hasOwn(states, name) && states[name]) || { label: name.slice(0, 24), icon: "alert", tone: "warn", rank: 2 };
}

// needsAttention says whether a person should look: where the daemon has given
// up, or waits for somebody. What it is working on needs nobody yet.
export function needsAttention(p) {
  return stateOf(p.state).rank >= 6;
}

// byNeed puts what needs attention first.
export function byNeed(a, b) {
  return stateOf(b.state).rank - stateOf(a.state).rank || (a.process < b.process ? -1 : 1);
}

export function seconds(n) {
  if (n < 10) {
    return `${+n.toFixed(1)}\u00a0s`;
  }
  return age(Math.round(n) * 1000).replaceAll(" ", "\u00a0");
}

// age is a length of time in its two largest units.
export function age(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const parts = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];
  const first = Math.max(0, parts.findIndex(([size]) => s >= size));
  if (s === 0) {
    return "0 s";
  }
  const [size, unit] = parts[first];
  const head = `${Math.floor(s / size)} ${unit}`;
  const next = parts[first + 1];
  const rest = next ? Math.floor((s % size) / next[0]) : 0;
  return rest ? `${head} ${rest} ${next[1]}` : head;
}

const two = (n) => String(n).padStart(2, "0");

// clock is a time of the day, with its date where that is another one.
export function clock(at, now) {
  const d = new Date(at);
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  if (d.toDateString() === new Date(now).toDateString()) {
    return time;
  }
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${time}`;
}

export function target(p) {
  return [p.strategy, p.unit].filter(Boolean).join(" ");
}

// breaker says what a breaker does; until is set where it counts down.
export function breaker(b) {
  if (b.state === "open") {
    return { text: "Open", tone: "bad", until: b.next_trial };
  }
  if (b.state === "half-open") {
    return { text: "Half-open, its trial is under way", tone: "warn" };
  }
  if (b.failures > 0) {
    return { text: `Closed, ${b.failures} of ${b.max_failures} failed`, tone: "warn" };
  }
  return { text: "Closed", tone: "calm" };
}

// outcome says how a recovery ended.
export function outcome(r) {
  switch (r.outcome) {
    case "succeeded":
      if (r.afterwards === "flapped" || r.afterwards === "not_cleared") {
        return { text: "Did not hold", icon: "alert", tone: "warn" };
      }
      return { text: "Recovered", icon: "check", tone: "good" };
    case "failed":
      return { text: "Failed", icon: "cross", tone: "bad" };
    case "interrupted":
      return { text: "Interrupted", icon: "pause", tone: "warn" };
    case "running":
      return { text: "Under way", icon: "turn", tone: "busy" };
  }
  return { text: r.outcome.slice(0, 24), icon: "alert", tone: "warn" };
}

const followed = {
  alarm_cleared: "alarm cleared",
  write_back_superseded: "alarm changed meanwhile and left as it is",
  write_back_failed: "alarm could not be cleared yet",
  write_back_refused: "alarm left for its owner to clear",
  flapped: "alarm came back within stable_time",
  not_cleared: "nobody cleared the alarm in time",
  breaker_opened: "breaker opened",
};

// aside lists what else there is to say of a recovery.
export function aside(r) {
  const list = [target(r)];
  if (r.reason && r.outcome !== "succeeded") {
    list.unshift(words(r.reason));
  }
  if (r.by) {
    list.push(`asked for by ${r.by}`);
  }
  if (r.trial) {
    list.push("the trial of its open breaker");
  }
  list.push(Object.hasOwn(followed, r.afterwards) ? followed[r.afterwards] : "");
  return list.filter(Boolean).join(" · ");
}

export function attempt(a, r) {
  let verdict = "passed";
  let tone = "good";
  if (!a.succeeded) {
    [verdict, tone] = a.reason ? [words(a.reason), "bad"] : ["restarted, being checked", "busy"];
  }
  const of = Math.max(r.max_attempts ?? 0, a.number);
  return { text: `Attempt ${a.number} of ${of}: ${verdict}`, tone, took: seconds(a.seconds) };
}

// words makes a reason of the fixed vocabulary readable.
export function words(reason) {
  return reason.replaceAll("_", " ");
}

export function pauseText(p, now) {
  const until = p.until ? `until ${clock(p.until, now)}` : "until it is resumed";
  return `by ${p.by} since ${clock(p.since, now)}, ${until}${p.why ? `: ${p.why}` : ""}`;
}

// verdict is the one sentence about everything.
export function verdict(status) {
  const all = status.processes.length;
  const needing = status.processes.filter(needsAttention).length;
  const working = status.summary.recovering + status.summary.queued;
  if (status.database.down_since) {
    return { text: "Alarms cannot be read", tone: "bad" };
  }
  if (!status.database.last_poll) {
    return { text: "The first poll is under way", tone: "busy" };
  }
  if (needing > 0) {
    return { text: `${needing} of ${count(all)} ${needing === 1 ? "needs" : "need"} attention`, tone: "bad" };
  }
  if (working > 0) {
    return { text: `${count(working)} ${working === 1 ? "is" : "are"} being recovered`, tone: "busy" };
  }
  if (status.summary.alarms > 0) {
    return { text: `${status.summary.alarms} of ${count(all)} in alarm`, tone: "warn" };
  }
  return { text: all ? `Nothing is in alarm among ${count(all)}` : "Nothing is in alarm", tone: "good" };
}

function count(n) {
  return n === 1 ? "1 process" : `${n} processes`;
}
