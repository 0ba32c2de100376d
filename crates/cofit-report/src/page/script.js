"use strict";
// Makes bodies of the page answer: details on hover and focus, arrow keys, links between what belongs to
// one layer, sorting, filtering. It reads classes and data attributes only, so that `cofit.attach` serves
// any body that is put into the page, and it keeps nothing of a body that is taken out.
globalThis.cofit = (() => {
  const closest = (event, what) =>
    event.target instanceof Element ? event.target.closest(what) : null;
  const make = (name, parent, text) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  };

  // The one box for details of the whole page.
  const tip = () => {
    let box = document.querySelector("body > .tip");
    if (!box) {
      box = make("div", document.body);
      box.className = "tip";
      box.setAttribute("role", "tooltip");
      box.hidden = true;
    }
    return box;
  };

  const show = (mark, x, y) => {
    const box = tip();
    box.replaceChildren();
    const [head, ...lines] = (mark.dataset.d || "").split("\n");
    make("b", box, head);
    const list = make("dl", box);
    for (const line of lines) {
      const at = line.indexOf(": ");
      make("dt", list, at < 0 ? "" : line.slice(0, at));
      make("dd", list, at < 0 ? line : line.slice(at + 2));
    }
    box.hidden = false;
    const { width, height } = box.getBoundingClientRect();
    const left = Math.min(Math.max(8, x + 14), innerWidth - width - 8);
    const below = y + 18 + height < innerHeight - 8;
    box.style.left = `${Math.max(8, left)}px`;
    box.style.top = `${Math.max(8, below ? y + 18 : y - height - 12)}px`;
  };

  const hide = () => { tip().hidden = true; };

  const steps = (element) => (element.dataset.s || "").split(" ").filter(Boolean);

  const link = (run) => {
    const by = new Map();
    for (const element of run.querySelectorAll("[data-s]"))
      for (const step of steps(element)) {
        if (!by.has(step)) by.set(step, []);
        by.get(step).push(element);
      }
    let shown = [];
    let pinned = null;
    const highlight = (element) => {
      for (const old of shown) old.classList.remove("linked");
      shown = element ? steps(element).flatMap((step) => by.get(step) || []) : [];
      for (const now of shown) now.classList.add("linked");
    };
    return {
      // What the pointer leaves, the focus keeps.
      over: (element) => {
        const focused = document.activeElement;
        highlight(element || (run.contains(focused) && focused.matches(".m") && focused) || pinned);
      },
      pin: (element) => {
        pinned = pinned === element ? null : element;
        highlight(pinned);
      },
    };
  };

  const marks = (run) => {
    for (const svg of run.querySelectorAll("svg.fig")) {
      let first = true;
      for (const mark of svg.querySelectorAll(".m")) {
        const title = mark.querySelector(":scope > title");
        if (title) {
          // The page's own box replaces the browser's.
          mark.dataset.d = title.textContent;
          title.remove();
        }
        mark.setAttribute("role", "img");
        mark.setAttribute("aria-label", (mark.dataset.d || "").replaceAll("\n", ", "));
        mark.setAttribute("tabindex", first ? "0" : "-1");
        first = false;
      }
    }
  };

  const keys = (run, links) => {
    const place = (mark) => {
      const box = mark.getBoundingClientRect();
      return [box.left + Math.min(box.width / 2, 80), box.top + Math.min(box.height, 40)];
    };
    run.addEventListener("focusin", (event) => {
      const mark = closest(event, ".m");
      if (!mark) return;
      for (const other of mark.ownerSVGElement.querySelectorAll('.m[tabindex="0"]'))
        other.setAttribute("tabindex", "-1");
      mark.setAttribute("tabindex", "0");
      show(mark, ...place(mark));
      links.over(mark);
    });
    run.addEventListener("focusout", (event) => {
      if (!closest(event, ".m")) return;
      hide();
      // Whoever takes the focus has it after this event.
      queueMicrotask(() => links.over(null));
    });
    run.addEventListener("pointermove", (event) => {
      const mark = closest(event, ".m");
      if (mark) show(mark, event.clientX, event.clientY);
    });
    run.addEventListener("pointerover", (event) => {
      const element = closest(event, "[data-s]");
      if (element) links.over(element);
    });
    run.addEventListener("pointerout", (event) => {
      if (closest(event, ".m")) hide();
      if (closest(event, "[data-s]")) links.over(null);
    });
    run.addEventListener("click", (event) => {
      const mark = closest(event, "[data-s]");
      if (mark && !closest(event, "a,button,input")) links.pin(mark);
    });
    run.addEventListener("keydown", (event) => {
      const mark = closest(event, ".m");
      if (!mark) return;
      const all = [...mark.ownerSVGElement.querySelectorAll(".m")];
      if (mark.ownerSVGElement.dataset.role === "sort")
        all.sort((a, b) => (a.dataset.at ?? 0) - (b.dataset.at ?? 0));
      const at = all.indexOf(mark);
      const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1,
        Home: 0, End: all.length - 1 }[event.key];
      if (to !== undefined) {
        event.preventDefault();
        all[Math.min(Math.max(to, 0), all.length - 1)].focus();
      } else if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        links.pin(mark);
      } else if (event.key === "Escape") {
        hide();
        links.pin(null);
      }
    });
  };

  const tools = (before) => {
    const bar = make("div");
    bar.className = "tools";
    before.before(bar);
    return bar;
  };

  const columns = (svg) => {
    const holder = svg.querySelector(".columns");
    if (!holder) return;
    const all = [...holder.children];
    const left = Number(holder.dataset.x);
    const width = Number(holder.dataset.w);
    const arrange = (order, isSorted) => {
      order.forEach((column, at) => {
        column.dataset.at = at;
        column.setAttribute("transform", `translate(${left + at * width} 0)`);
      });
      const numbers = svg.querySelector(".in-order");
      if (numbers) numbers.setAttribute("visibility", isSorted ? "hidden" : "visible");
    };
    const value = (column) => Number(column.dataset.v);
    const bar = tools(svg.closest(".scroll"));
    const choices = [
      ["Order of execution", () => arrange(all, false)],
      ["Most cycles first", () => arrange([...all].sort((a, b) => value(b) - value(a)), true)],
    ];
    const buttons = choices.map(([name, run]) => {
      const button = make("button", bar, name);
      button.type = "button";
      button.addEventListener("click", () => {
        run();
        for (const other of buttons)
          other.setAttribute("aria-pressed", String(other === button));
      });
      return button;
    });
    buttons[0].click();
  };

  // Enlarges a picture in its frame, which scrolls; what stood in the middle stays there.
  const zoomable = (svg) => {
    const frame = svg.closest(".scroll");
    const bar = tools(frame);
    let size = 1;
    const said = make("output");
    const scale = (factor) => {
      const middle = (frame.scrollLeft + frame.clientWidth / 2) / frame.scrollWidth;
      size = Math.min(Math.max(size * factor, 1), 16);
      svg.dataset.size = size;
      frame.scrollLeft = middle * frame.scrollWidth - frame.clientWidth / 2;
      frame.tabIndex = size > 1 ? 0 : -1;
      said.textContent = size > 1 ? `${size} times as large` : "";
    };
    for (const [name, factor] of [["Larger", 2], ["Smaller", 1 / 2]]) {
      const button = make("button", bar, name);
      button.type = "button";
      button.setAttribute("aria-label", `${name}: ${svg.getAttribute("aria-label").split(".")[0]}`);
      button.addEventListener("click", () => scale(factor));
    }
    bar.append(said);
  };

  const sortable = (table) => {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    const number = (text) => Number.parseFloat(text.replace(/[^0-9.eE+-]/g, "")) || 0;
    heads.forEach((head, at) => {
      const text = head.textContent;
      head.textContent = "";
      const button = make("button", head, text);
      button.type = "button";
      button.addEventListener("click", () => {
        const old = head.getAttribute("aria-sort");
        // Numbers are asked for because of the largest.
        const turns = head.classList.contains("n")
          ? ["descending", "ascending", null] : ["ascending", "descending", null];
        const now = turns[(turns.indexOf(old) + 1) % 3];
        for (const other of heads) other.removeAttribute("aria-sort");
        let rows = [...original];
        if (now) {
          head.setAttribute("aria-sort", now);
          const key = (row) => row.cells[at].textContent;
          const compare = head.classList.contains("n")
            ? (a, b) => number(key(a)) - number(key(b))
            : (a, b) => key(a).localeCompare(key(b), "en");
          rows.sort((a, b) => (now === "ascending" ? compare(a, b) : compare(b, a)));
        }
        body.append(...rows);
      });
    });
  };

  const filterable = (table) => {
    const bar = tools(table.closest(".scroll"));
    const label = make("label", bar, "Filter ");
    const input = make("input", label);
    input.type = "search";
    input.placeholder = "name, operator, engine, cause";
    const count = make("output", bar);
    const rows = [...table.tBodies[0].rows];
    const text = rows.map((row) =>
      `${row.textContent} ${row.querySelector("th")?.title ?? ""}`.toLowerCase());
    const apply = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, at) => {
        row.hidden = !words.every((word) => text[at].includes(word));
        if (!row.hidden) shown += 1;
      });
      count.textContent = `${shown} of ${rows.length} layers`;
    };
    input.addEventListener("input", apply);
    apply();
  };

  // Makes every body in `root`, or `root` itself, answer. Call it once on what was inserted.
  const attach = (root) => {
    const runs = root.matches?.(".run") ? [root] : root.querySelectorAll(".run");
    for (const run of runs) {
      if (run.dataset.attached) continue;
      run.dataset.attached = "1";
      marks(run);
      keys(run, link(run));
      for (const svg of run.querySelectorAll('svg.fig[data-role="sort"]')) columns(svg);
      for (const svg of run.querySelectorAll('svg.fig[data-role="zoom"]')) zoomable(svg);
      for (const table of run.querySelectorAll("table.sort")) sortable(table);
      for (const table of run.querySelectorAll("table.filter")) filterable(table);
      for (const region of run.querySelectorAll(".scroll"))
        if (region.scrollWidth > region.clientWidth && !region.querySelector("svg.fig"))
          region.tabIndex = 0;
    }
    hide();
  };
  return { attach };
})();
cofit.attach(document);
