// What the pages do beyond forms and links. Every page works without it. No inline handlers, nothing evaluated.
"use strict";

(() => {
  const root = document.documentElement;
  root.classList.add("js");

  // Searching while typing: one own event, never in the middle of a pinyin syllable. hx-trigger names it with a delay.
  const announceSearch = (field) => {
    if (field instanceof Element && field.matches("[data-search]")) {
      field.dispatchEvent(new CustomEvent("yilong:search", { bubbles: true }));
    }
  };
  document.addEventListener("input", (event) => {
    if (!event.isComposing) announceSearch(event.target);
  });
  document.addEventListener("compositionend", (event) => announceSearch(event.target));

  // Refusals and failures are told in the flash area, whatever the request was aimed at.
  const flash = () => document.getElementById("flash");
  const say = (text) => {
    const area = flash();
    if (!area) return;
    const line = document.createElement("p");
    line.className = "alert alert-danger";
    line.setAttribute("role", "alert");
    line.textContent = text;
    area.replaceChildren(line);
    area.scrollIntoView({ block: "nearest" });
  };
  const problemText = (body) => {
    try {
      const problem = JSON.parse(body);
      return problem.detail || problem.title || "";
    } catch {
      return "";
    }
  };
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status < 400 || xhr.status === 401) return;
    event.detail.isError = false;
    const type = xhr.getResponseHeader("Content-Type") || "";
    if (!type.startsWith("text/html") || !flash()) {
      event.detail.shouldSwap = false;
      say(problemText(xhr.responseText) || flash()?.dataset.failed || "");
      return;
    }
    event.detail.shouldSwap = true;
    event.detail.target = flash();
    event.detail.swapOverride = "innerHTML";
    event.detail.selectOverride = "unset";
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === flash()) flash().scrollIntoView({ block: "nearest" });
  });
  document.addEventListener("htmx:responseError", (event) => {
    const said = flash()?.dataset;
    if (said) say(event.detail.xhr.status === 401 ? said.signedOut : problemText(event.detail.xhr.responseText) || said.failed);
  });
  document.addEventListener("htmx:sendError", () => {
    if (flash()) say(flash().dataset.offline);
  });

  // Keyboard: data-shortcut="1" is pressed by that key; j and k walk [data-shortcut-item] or the rows' first links.
  const SWITCH = "yilong-shortcuts";
  const remembered = () => {
    try {
      return window.localStorage.getItem(SWITCH) !== "off";
    } catch {
      return true;
    }
  };
  let enabled = remembered();

  const isWriting = (element) =>
    element instanceof HTMLElement &&
    (element.isContentEditable || element.matches("textarea, select, input:not([type=checkbox]):not([type=radio]):not([type=button]):not([type=submit])"));

  const items = () => {
    const list = document.querySelector("[data-shortcut-list]");
    if (!list) return [];
    const marked = [...list.querySelectorAll("[data-shortcut-item]")];
    if (marked.length) return marked;
    return [...list.children].map((row) => row.querySelector("a[href], button")).filter(Boolean);
  };
  const walk = (step) => {
    const all = items();
    if (!all.length) return;
    const active = document.activeElement;
    let here = all.findIndex((item) => item === active || item.contains(active));
    if (here < 0) here = all.findIndex((item) => item.getAttribute("aria-current"));
    const next = all[here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, here + step))];
    document.querySelectorAll(".shortcut-here").forEach((row) => row.classList.remove("shortcut-here"));
    next.closest("tr, li")?.classList.add("shortcut-here");
    next.focus();
    if (next.matches("[data-shortcut-open]")) next.click();
  };
  const openHelp = () => {
    const help = document.getElementById("shortcut-help");
    if (!help || help.open) return;
    const box = help.querySelector("[data-shortcut-switch]");
    if (box) box.checked = enabled;
    help.showModal();
  };
  const press = (key) => {
    const button = [...document.querySelectorAll("[data-shortcut]")].find((one) => one.dataset.shortcut === key && !one.disabled);
    if (button) button.click();
    return Boolean(button);
  };

  // A candidate fills the form it names: category, receivers (codes; the page's list knows their names) and reason.
  const fill = (candidate) => {
    const form = document.getElementById(candidate.dataset.fill);
    if (!form) return false;
    const names = [...document.querySelectorAll("#departments option")].map((option) => option.value);
    const codes = candidate.dataset.fillReceivers.split(",");
    form.querySelectorAll("[name=receiver]").forEach((field, row) => {
      const code = codes[row] || "";
      field.value = code && (names.find((name) => name.startsWith(`${code} `)) || code);
    });
    form.querySelectorAll("[name=category]").forEach((radio) => (radio.checked = radio.value === candidate.dataset.fillCategory));
    const lead = form.querySelector("[name=lead][value='0']");
    if (lead) lead.checked = true;
    const reason = form.querySelector("[data-fill-reason]");
    if (reason) {
      if (!reason.value || reason.dataset.filled === reason.value) reason.value = candidate.dataset.fillReason;
      reason.dataset.filled = candidate.dataset.fillReason;
      form.closest("details")?.setAttribute("open", "");
      reason.focus();
    }
    return true;
  };
  document.addEventListener("click", (event) => {
    const candidate = event.target instanceof Element ? event.target.closest("[data-fill]") : null;
    const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
    if (candidate && plain && fill(candidate)) event.preventDefault();
  });
  // A suggestion fills the field it names; its link does the same with a new page.
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("[data-set-field]") : null;
    const field = link && document.getElementById(link.dataset.setField);
    if (!field || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    field.value = link.dataset.setValue;
    field.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.ctrlKey || event.isComposing || !(event.target instanceof Element)) return;
    const form = event.target.closest("form[data-shortcut-submit]");
    const button = form?.querySelector("button[type=submit]");
    if (button && !button.disabled) {
      event.preventDefault();
      form.requestSubmit(button);
    }
  });
  const ACTIONS = {
    j: () => walk(1),
    k: () => walk(-1),
    "?": openHelp,
    "/": () => document.querySelector("[data-shortcut-search]")?.focus(),
  };

  document.addEventListener("keydown", (event) => {
    if (!enabled || event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
    if (event.ctrlKey || event.altKey || event.metaKey || isWriting(event.target)) return;
    if (document.querySelector("dialog[open], .modal.show")) return;
    if (ACTIONS[event.key]) {
      event.preventDefault();
      ACTIONS[event.key]();
    } else if (press(event.key)) {
      event.preventDefault();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-shortcut-help-open]")) openHelp();
    if (event.target instanceof Element && event.target.closest("[data-print]")) window.print();
  });
  document.addEventListener("change", (event) => {
    if (!(event.target instanceof Element) || !event.target.matches("[data-shortcut-switch]")) return;
    enabled = event.target.checked;
    try {
      window.localStorage.setItem(SWITCH, enabled ? "on" : "off");
    } catch {
      // A browser that keeps nothing: the choice holds for this page.
    }
  });
})();
