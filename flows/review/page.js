// The review page. Strangers' text only ever becomes text: textContent and value, never markup.
"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const made = (name, text, settings = {}) => {
    const node = document.createElement(name);
    if (text !== undefined) node.textContent = text;
    return Object.assign(node, settings);
  };
  const rows = (count) => count.toLocaleString("en") + (count === 1 ? " row" : " rows");
  let header = [], sent = false, names = 0;
  let waiting = Promise.resolve(); // edits reach the server in the order in which they were made
  const timers = new Map();

  const ask = async (path, body) => {
    const settings = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    let answer;
    try {
      answer = await fetch(path, settings);
    } catch {
      throw new Error("muster review does not answer any more. Start it again; what was not sent is not kept.");
    }
    const text = await answer.text();
    if (answer.ok) return JSON.parse(text);
    let said = text;
    try { const found = JSON.parse(text); said = [found.error, found.fix].filter(Boolean).join("\n"); } catch { /* a plain sentence */ }
    throw new Error(said);
  };
  const trying = (does) => async (...given) => {
    at("wrong").textContent = "";
    try { await does(...given); } catch (error) { at("wrong").textContent = error.message; }
  };

  // the rows

  const drawAnswer = (one) => {
    for (const field of document.querySelectorAll(`fieldset[data-row="${one.row}"]`)) {
      field.classList.toggle("dropped", one.dropped);
      field.querySelector(".leave").textContent = one.dropped ? "Take this row in again" : "Leave this row out";
      const errors = one.problems.filter((problem) => problem.severity === "error");
      const elsewhere = one.problems.filter((problem) => !problem.places.length).map((problem) => `${problem.message} ${problem.fix}`);
      const whole = field.querySelector(".whole");
      const state = one.dropped ? "Left out." : one.misread ? one.said.join(" ") : errors.length ? "" : "Fine by the mapping.";
      whole.textContent = [state, ...elsewhere].filter(Boolean).join(" ");
      whole.className = "answer whole " + (errors.length || one.misread ? "look" : "fine");
      for (const input of field.querySelectorAll("[data-place]")) {
        const place = Number(input.dataset.place);
        if (document.activeElement !== input && !timers.has(`${one.row} ${place}`)) input.value = one.cells[place];
        const mine = one.problems.filter((problem) => problem.places.includes(place));
        const wrong = mine.some((problem) => problem.severity === "error");
        input.classList.toggle("wrong", wrong);
        input.setAttribute("aria-invalid", String(wrong));
        const was = one.cells[place] === one.before[place] ? "" : one.before[place] === "" ? "It was blank." : `It was: ${one.before[place]}`;
        const answer = document.getElementById(input.getAttribute("aria-describedby"));
        answer.textContent = [...mine.map((problem) => `${problem.code}: ${problem.message} ${problem.fix}`), was].filter(Boolean).join(" ");
        answer.className = "answer " + (wrong ? "look" : "quiet");
      }
    }
  };

  const send = (row, place, input) => {
    timers.delete(`${row} ${place}`);
    waiting = waiting.then(trying(async () => {
      drawAnswer(await ask("/edit", { row, place, text: input.value }));
      await counted();
    }));
  };
  const typed = (row, place, input) => {
    const name = `${row} ${place}`;
    if (timers.has(name)) clearTimeout(timers.get(name).timer);
    timers.set(name, { timer: setTimeout(() => send(row, place, input), 250), now: () => send(row, place, input) });
  };
  const settled = async () => {
    for (const one of [...timers.values()]) { clearTimeout(one.timer); one.now(); }
    await waiting;
  };

  const cellOf = (one, place) => {
    const box = made("div");
    const name = `cell-${++names}`;
    const input = made(/[\r\n]/.test(one.cells[place]) ? "textarea" : "input", undefined, { id: name, autocomplete: "off", spellcheck: false });
    input.dataset.place = place;
    input.value = one.cells[place];
    input.setAttribute("aria-describedby", `${name}-answer`);
    input.addEventListener("input", () => typed(one.row, place, input));
    box.append(made("label", header[place] || "(no name)", { htmlFor: name }), input, made("p", "", { id: `${name}-answer`, className: "answer" }));
    box.lastChild.setAttribute("aria-live", "polite");
    return box;
  };
  const rowOf = (one, group, number) => {
    const field = made("fieldset");
    field.dataset.row = one.row;
    field.append(made("legend", `Row ${one.row}, line ${one.line}${one.key ? `, ${one.key}` : ""}`), made("p", "", { className: "answer whole" }));
    if (one.outcome !== "invalid") field.append(made("p", `${one.outcome}: ${one.said.join(" ")}`, { className: "answer" }));
    const first = group.places.length ? group.places : [...new Set(one.problems.flatMap((problem) => problem.places))];
    first.forEach((place) => field.append(cellOf(one, place)));
    const others = made("details");
    others.append(made("summary", "All cells of this row"));
    header.forEach((_, place) => { if (!first.includes(place)) others.append(cellOf(one, place)); });
    if (others.childElementCount > 1) field.append(others);
    const leave = made("button", "Leave this row out", { type: "button", className: "leave" });
    leave.addEventListener("click", trying(async () => {
      await settled();
      await ask("/group", { group: number, how: field.classList.contains("dropped") ? "take_row" : "drop_row", row: one.row });
      await drawn();
    }));
    field.append(leave);
    return field;
  };

  // a group

  const load = async (part, group, number, from) => {
    const found = await ask(`/rows?group=${number}&from=${from}`);
    const place = part.querySelector(".rows");
    if (from === 0) place.replaceChildren();
    found.rows.forEach((one) => { place.append(rowOf(one, group, number)); });
    found.rows.forEach(drawAnswer);
    const shown = from + found.rows.length;
    if (shown < found.of) {
      const more = made("button", `Show more (${(found.of - shown).toLocaleString("en")} left)`, { type: "button" });
      more.addEventListener("click", trying(async () => { more.remove(); await load(part, group, number, shown); }));
      place.append(more);
    }
  };
  const fixesOf = (group, number) => {
    const box = made("div", undefined, { className: "fixes" });
    const fixed = async (how, more) => {
      await settled();
      const found = await ask("/group", { group: number, how, ...more });
      await drawn();
      at("told").textContent = how === "drop" ? `${rows(found.changed)} left out.` : how === "take" ? `${rows(found.changed)} taken in again.` : `${found.changed} cell${found.changed === 1 ? "" : "s"} changed.`;
    };
    const button = (text, does) => {
      const one = made("button", text, { type: "button" });
      one.addEventListener("click", trying(does));
      return one;
    };
    if (group.places.length) {
      const place = group.places[0];
      const list = made("datalist", undefined, { id: `values-${number}` });
      const from = made("input", undefined, { autocomplete: "off" });
      from.setAttribute("list", list.id);
      const by = made("input", undefined, { autocomplete: "off" });
      const label = (text, input) => { const one = made("label", text); one.append(input); return one; };
      box.append(label(`In ${header[place]}, replace (blank: fill where nothing is)`, from), list, label("by", by),
        button("Replace in all these rows", () => fixed("replace", { place, value: from.value, by: by.value })));
    }
    box.append(button("Leave all these rows out", () => fixed("drop")), button("Take all in again", () => fixed("take")));
    return box;
  };
  const partOf = (group, number) => {
    const part = made("details");
    part.append(made("summary"), fixesOf(group, number), made("div", undefined, { className: "rows" }));
    part.addEventListener("toggle", trying(async () => {
      if (part.open && !part.querySelector(".rows").childElementCount) await load(part, group, number, 0);
    }));
    return part;
  };

  const counted = async () => {
    const state = await ask("/state");
    header = state.header;
    at("counts").textContent = `${rows(state.kept)} of ${state.rows.toLocaleString("en")} would be sent, ${state.edited.toLocaleString("en")} of them edited. ` +
      "Rows that are not fine yet are sent through the mapping, too, and stay with you. " + state.more;
    const parts = at("groups");
    state.groups.forEach((group, number) => {
      if (!parts.children[number]) parts.append(partOf(group, number));
      const part = parts.children[number];
      const left = group.dropped ? `, ${group.dropped} left out` : "";
      part.querySelector("summary").textContent = `${group.rows} × ${group.code}${group.column ? ` in ${group.column}` : ""} (${group.open} still wrong by the mapping${left})`;
      const list = part.querySelector("datalist");
      if (list) list.replaceChildren(...group.values.map((one) => made("option", `${one.count} ×`, { value: one.value })));
    });
    return state;
  };
  const drawn = async () => {
    const state = await counted();
    for (const [number, part] of [...at("groups").children].entries()) {
      part.querySelector(".rows").replaceChildren();
      if (part.open) await load(part, state.groups[number], number, 0);
    }
    at("unseen").hidden = !state.unseen.length;
    at("lines").replaceChildren(...state.unseen.map((one) => {
      const line = made("li", `${one.count} × in ${one.column}, for ${one.field}: `);
      const code = made("code", one.line);
      const copy = made("button", "Copy the line", { type: "button" });
      copy.addEventListener("click", trying(async () => { await navigator.clipboard.writeText(one.line); copy.textContent = "Copied"; }));
      line.append(code, " ", copy);
      return line;
    }));
    return state;
  };

  // sending

  const listOf = (counts) => {
    const list = made("ul");
    for (const [name, count] of Object.entries(counts)) list.append(made("li", `${count.toLocaleString("en")} ${name}`));
    return list;
  };
  const locked = (on) => {
    for (const node of document.querySelectorAll("#groups input, #groups textarea, #groups button, #plan, #send, #end")) node.disabled = on;
  };
  let answered = 0;
  const watch = async () => {
    for (;;) {
      const found = await ask("/progress");
      const question = found.question;
      at("question").hidden = !question || question.number === answered;
      if (question && question.number !== answered && at("question").dataset.number !== String(question.number)) {
        at("question").dataset.number = question.number;
        at("question-says").textContent = question.says;
        at("question-label").textContent = question.label;
        at("question-text").value = "";
        at("question-text").focus();
      }
      const of = found.total === null ? "" : `: ${found.done.toLocaleString("en")} of ${found.total.toLocaleString("en")}`;
      const counts = Object.entries(found.outcomes).map(([name, count]) => `${name} ${count}`).join(", ");
      const said = found.ended || found.error ? "" : [found.stage + of, counts, found.waits ? "waiting for the destination" : ""].filter(Boolean).join("; ");
      if (at("progress").textContent !== said) at("progress").textContent = said;
      if (found.error) { locked(false); throw new Error([found.error.error, found.error.fix].filter(Boolean).join("\n")); }
      if (found.ended) return found.ended;
      await new Promise((go) => setTimeout(go, 300));
    }
  };
  const show = (ended) => {
    sent = true;
    const box = at("ended");
    const head = made("h3", ended.verdict, { tabIndex: -1 });
    const report = made("a", "The report of this run", { href: "/report", target: "_blank", rel: "noopener" });
    const link = made("p");
    link.append(report, ` (also in ${ended.folder})`);
    box.replaceChildren(head, listOf(ended.outcomes), link);
    if (ended.opens.length) box.append(made("p", `A guard stopped it before anything was sent. If that is meant: the same command with ${ended.opens.join(" ")}`));
    if (ended.need) box.append(made("p", `${rows(ended.need)} still need a person: muster review ${ended.run}`));
    at("end").textContent = "End";
    at("end").disabled = false;
    head.focus();
  };

  at("plan").addEventListener("click", trying(async () => {
    await settled();
    at("planned").replaceChildren(made("p", "Looking…"));
    let found;
    try { found = await ask("/plan", {}); } catch (error) { at("planned").replaceChildren(); throw error; }
    at("planned").replaceChildren(made("h3", `What would happen to ${rows(found.rows)}; nothing was written there.`), listOf(found.outcomes));
    for (const line of [...found.guards.map((one) => `This guard would stop it: ${one}.`), ...found.permissions]) at("planned").append(made("p", line));
  }));
  at("send").addEventListener("click", trying(async () => {
    await settled();
    at("planned").replaceChildren();
    locked(true);
    try { await ask("/send", {}); } catch (error) { locked(false); throw error; }
    show(await watch());
  }));
  at("question").addEventListener("submit", (event) => {
    event.preventDefault();
    answered = Number(at("question").dataset.number);
    at("question").hidden = true;
    trying(() => ask("/answer", { number: answered, text: at("question-text").value }))();
  });
  at("end").addEventListener("click", trying(async () => {
    await ask("/end", {});
    locked(true);
    at("told").textContent = sent ? "It is over; this window can be closed." : "It is over, and nothing was sent; this window can be closed.";
  }));

  trying(async () => {
    const state = await drawn();
    at("told").textContent = `${rows(state.rows)} in ${state.groups.length} kind${state.groups.length === 1 ? "" : "s"} of problems. Nothing is sent until you say so.`;
    if (at("groups").firstElementChild) at("groups").firstElementChild.open = true;
    const before = await ask("/progress"); // the page was loaded again
    if (before && (before.running || before.ended)) { locked(true); show(await watch()); }
  })();
})();
