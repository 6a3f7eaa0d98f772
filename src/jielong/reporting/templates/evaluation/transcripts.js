"use strict";
(async () => {
  const ROW = 34;
  const packed = Uint8Array.from(atob(document.getElementById("transcripts").textContent), c => c.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const lines = (await new Response(unpacked).text()).trimEnd().split("\n").map(line => JSON.parse(line));
  const [{ models, words }, ...items] = lines;
  const at = id => document.getElementById(id);
  const list = at("list"), rows = at("rows"), detail = at("detail"), show = at("show"), find = at("find");
  let shown = [], selected = 0;

  const element = (name, text, kind) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const mark = score => score === null ? "–" : score === 1 ? "✓" : score === 0 ? "✗" : score.toFixed(2);
  const kind = score => score === null ? "" : score >= 0.5 ? "right" : "wrong";
  const unread = ([score, , extracted, error]) => score !== null && (error !== null || extracted === null);
  const tests = {
    all: () => true,
    differ: ([, , , answers]) => new Set(answers.map(answer => answer[0])).size > 1,
    wrong: ([, , , answers], model) => answers[model][0] !== null && answers[model][0] < 0.5,
    unread: ([, , , answers]) => answers.some(unread),
    lost: ([, , , answers]) => answers.some(answer => answer[0] === null),
  };
  const searched = items.map(row => JSON.stringify(row).toLowerCase());

  function filter() {
    const [test, model] = show.value.split(" ");
    const text = JSON.stringify(find.value.toLowerCase()).slice(1, -1);
    shown = items.map((_, i) => i).filter(i => tests[test](items[i], model) && searched[i].includes(text));
    at("matches").textContent = `${shown.length.toLocaleString()} / ${items.length.toLocaleString()}`;
    rows.style.height = `${shown.length * ROW}px`;
    list.scrollTop = selected = 0;
    draw();
    open();
  }

  function draw() {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
    const last = Math.min(shown.length, first + Math.ceil(list.clientHeight / ROW) + 10);
    rows.replaceChildren();
    for (let n = first; n < last; n++) {
      const [, question, , answers] = items[shown[n]];
      const row = element("div", undefined, n === selected ? "row selected" : "row");
      row.style.top = `${n * ROW}px`;
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(n === selected));
      const marks = element("span", undefined, "marks");
      for (const [score] of answers) marks.append(element("span", mark(score), kind(score)));
      row.append(marks, element("span", question.slice(0, 200), "line"));
      row.addEventListener("click", () => { selected = n; draw(); open(); });
      rows.append(row);
    }
  }

  function open() {
    detail.replaceChildren();
    if (!shown.length) return;
    const [id, question, accepted, answers] = items[shown[selected]];
    detail.append(element("p", id, "soft"), element("pre", question));
    if (accepted) detail.append(element("p", `${words.accepted} ${accepted}`, "soft"));
    answers.forEach(([score, text, extracted, error], i) => {
      const answer = element("div", undefined, `answer ${kind(score)}`);
      const heading = element("p");
      heading.append(element("b", mark(score), kind(score)), " ", element("code", models[i]));
      answer.append(heading, element("pre", text || words.no_text));
      if (error !== null) answer.append(element("p", error, "soft"));
      else if (extracted === null && score !== null) answer.append(element("p", words.nothing_read, "soft"));
      else if (extracted !== null && extracted !== text) answer.append(element("p", `${words.read} ${extracted}`, "soft"));
      detail.append(answer);
    });
  }

  function move(by) {
    selected = Math.min(Math.max(selected + by, 0), shown.length - 1);
    const top = selected * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
    draw();
    open();
  }

  function save(name, type, text) {
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  // A cell that a spreadsheet would compute gets an apostrophe before it.
  const cell = value => {
    const text = value === null ? "" : String(value);
    const guarded = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
  };
  const columns = ["id", "question", "accepted", "model", "score", "text", "extracted", "error"];
  const records = () => shown.flatMap(i => {
    const [id, question, accepted, answers] = items[i];
    return answers.map(([score, text, extracted, error], m) => [id, question, accepted, models[m], score, text, extracted, error]);
  });
  at("csv").addEventListener("click", () =>
    save("transcripts.csv", "text/csv", "\ufeff" + [columns, ...records()].map(row => row.map(cell).join(",") + "\r\n").join("")));
  at("json").addEventListener("click", () =>
    save("transcripts.json", "application/json",
      JSON.stringify(records().map(row => Object.fromEntries(columns.map((name, i) => [name, row[i]]))), null, 1)));
  show.addEventListener("change", filter);
  find.addEventListener("input", filter);
  list.addEventListener("scroll", draw);
  list.addEventListener("keydown", event => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (by) { event.preventDefault(); move(by); }
  });
  document.querySelector(".viewer").hidden = false;
  filter();
})();
