// Shows the position under the slider, with the last event up to it, and asks when a pointer lets it go.
// Without this script the form has its button.
(function () {
  "use strict";

  var form = document.querySelector("form[data-slider]");
  if (!form) {
    return;
  }
  var slider = form.querySelector("input[type=range]");
  var output = form.querySelector("output");
  var ticks = Array.prototype.map.call(form.querySelectorAll("option"), function (option) {
    return { position: Number(option.value), label: option.label };
  });
  var shown = slider.value;

  // What holds at a position was made by the last event up to it.
  function lastEvent() {
    var found = "";
    ticks.forEach(function (tick) {
      if (tick.position <= Number(slider.value)) {
        found = tick.label;
      }
    });
    return found;
  }

  function tell() {
    var time = lastEvent();
    output.textContent = slider.value + (time ? " · " + time : "");
    slider.setAttribute("aria-valuetext", output.textContent);
  }

  slider.addEventListener("input", tell);
  // A pointer that lets go asks at once. Keys go step by step, and the button asks.
  slider.addEventListener("pointerup", function () {
    if (slider.value !== shown) {
      form.submit();
    }
  });
  tell();
}());
