"use strict";
// Hover, focus or pin a statement, a node or a query: everything of the same step lights up.
(() => {
  const graph = document.querySelector("svg.plan");
  const groups = new Map();
  const nodes = new Map();
  for (const element of document.querySelectorAll("[data-step]")) {
    const step = element.dataset.step;
    if (!groups.has(step)) groups.set(step, []);
    groups.get(step).push(element);
    if (element.classList.contains("node")) nodes.set(element.id, element);
  }
  const lines = new Map();
  for (const line of document.querySelectorAll(".line[data-from]")) {
    for (const end of [line.dataset.from, line.dataset.to]) {
      if (!lines.has(end)) lines.set(end, []);
      lines.get(end).push(line);
    }
  }
  // Wide graphs begin where the hunt does, not at the left edge.
  const pane = document.querySelector(".graph");
  const first = document.querySelector(".node");
  if (pane && first) {
    const box = first.getBoundingClientRect();
    pane.scrollLeft += box.left + box.width / 2 - pane.getBoundingClientRect().left - pane.clientWidth / 2;
  }
  let lit = [];
  let pinned = null;
  const clear = () => {
    for (const element of lit) element.classList.remove("on", "near");
    lit = [];
    if (graph) graph.classList.remove("marked");
  };
  const light = (element, name) => {
    element.classList.add(name);
    lit.push(element);
  };
  const show = (step) => {
    clear();
    const group = groups.get(step);
    if (!group) return;
    for (const element of group) {
      light(element, "on");
      for (const line of lines.get(element.id) || []) {
        light(line, "on");
        for (const end of [line.dataset.from, line.dataset.to]) {
          if (nodes.has(end)) light(nodes.get(end), "near");
        }
      }
    }
    if (graph) graph.classList.add("marked");
  };
  const bring = (step, from) => {
    const fromGraph = from.classList.contains("node");
    for (const element of groups.get(step) || []) {
      const wanted = fromGraph ? element.classList.contains("step") : element.classList.contains("node");
      if (wanted) {
        element.scrollIntoView({ block: "nearest", inline: "nearest" });
        return;
      }
    }
  };
  const target = (event) => (event.target instanceof Element ? event.target.closest("[data-step]") : null);
  const pin = (element) => {
    const step = element.dataset.step;
    pinned = pinned === step ? null : step;
    for (const other of document.querySelectorAll(".step[aria-pressed]")) {
      other.setAttribute("aria-pressed", String(other.dataset.step === pinned));
    }
    if (pinned === null) {
      clear();
    } else {
      show(pinned);
      bring(pinned, element);
    }
  };
  document.addEventListener("pointerover", (event) => {
    const element = target(event);
    if (element) show(element.dataset.step);
    else if (pinned !== null) show(pinned);
    else clear();
  });
  document.addEventListener("focusin", (event) => {
    const element = target(event);
    if (!element || !element.matches(":focus-visible")) return;
    show(element.dataset.step);
    bring(element.dataset.step, element);
  });
  document.addEventListener("click", (event) => {
    const element = target(event);
    if (element && !event.target.closest("a")) pin(element);
  });
  document.addEventListener("keydown", (event) => {
    const element = target(event);
    if (event.key === "Escape") {
      pinned = null;
      clear();
    } else if (element && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      pin(element);
    }
  });
})();
