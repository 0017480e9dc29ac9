// Offers to show what is typed into a password field. Without this script the fields work as they are.
(function () {
  "use strict";

  function offer(input) {
    var row = document.createElement("div");
    var button = document.createElement("button");
    var seen = document.createElement("span");
    var heard = document.createElement("span");

    function show(visible) {
      input.type = visible ? "text" : "password";
      seen.textContent = input.getAttribute(visible ? "data-hide" : "data-show");
      heard.textContent = input.getAttribute(visible ? "data-hide-label" : "data-show-label");
    }

    row.className = "secret";
    button.type = "button";
    button.id = "show-" + input.id;
    button.setAttribute("aria-controls", input.id);
    // The short word is for the eye, the whole one for a screen reader.
    seen.setAttribute("aria-hidden", "true");
    heard.className = "heard";
    button.appendChild(seen);
    button.appendChild(heard);
    input.parentNode.insertBefore(row, input);
    row.appendChild(input);
    row.appendChild(button);
    show(false);

    button.addEventListener("click", function () {
      show(input.type === "password");
    });
    // As a text it would be kept among what was typed before, and be seen when the page is shown again.
    input.form.addEventListener("submit", function () {
      show(false);
    });
    window.addEventListener("pageshow", function () {
      show(false);
    });
  }

  var fields = document.querySelectorAll("input[type=password][data-show]");
  var focused = document.activeElement;
  for (var i = 0; i < fields.length; i++) {
    offer(fields[i]);
  }
  // A field that is moved loses the focus.
  if (focused && focused !== document.activeElement && focused.hasAttribute("data-show")) {
    focused.focus();
  }
}());
