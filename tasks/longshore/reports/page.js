"use strict";
// The page is complete without this: it opens what a link leads to, and filters the steps.
const steps = [...document.querySelectorAll(".steps > details")];
const words = document.querySelector("#filter");
const button = document.querySelector("#all");

function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  const details = target && target.closest("details");
  if (details) {
    details.open = true;
    details.scrollIntoView();
  }
}

if (words) {
  words.parentElement.hidden = false;
  words.addEventListener("input", () => {
    const wanted = words.value.toLowerCase().split(/\s+/);
    for (const step of steps) {
      const text = step.querySelector("summary").textContent.toLowerCase();
      step.hidden = !wanted.every((word) => text.includes(word));
    }
  });
  button.addEventListener("click", () => {
    const open = !steps.every((step) => step.open);
    for (const step of steps) step.open = open;
  });
}
addEventListener("hashchange", openTarget);
openTarget();
