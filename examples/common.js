// What every example does: find an element, show the state of the connection, copy a line of SQL.

export const element = (id) => document.getElementById(id);

/** Shows in #state whether the page is connected. */
export function showConnection(comet) {
  comet.onConnectionChange((connected) => {
    element("state").textContent = connected ? "connected" : "connecting";
    element("state").className = connected ? "online" : "offline";
  });
}

/** A new element with a class and a text: textContent, never innerHTML, so that what others write stays text. */
export function create(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** A value a page remembers; where storage is forbidden it lasts as long as the page. */
export function remembered(name, otherwise) {
  try {
    return localStorage.getItem(name) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Nothing to be done, and nothing lost.
  }
}

async function copy({ currentTarget: button }) {
  const line = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(line.textContent);
    button.textContent = "Copied";
  } catch {
    // No clipboard on plain http from another machine: select the line, so that Ctrl+C takes it.
    getSelection().selectAllChildren(line);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

for (const button of document.querySelectorAll(".copy button")) {
  button.addEventListener("click", copy);
}
