// Starts Swagger UI on the description this service serves itself. No validator badge: it would ask another host.
"use strict";

window.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("swagger-ui");
  window.SwaggerUIBundle({ url: place.dataset.url, domNode: place, validatorUrl: null, layout: "BaseLayout" });
  // Its choices for a parameter carry no name; assistive technology needs one.
  const nameChoices = () => {
    for (const choice of place.querySelectorAll("select:not([aria-label])")) {
      choice.setAttribute("aria-label", choice.closest("[data-param-name]")?.dataset.paramName || "options");
    }
  };
  new MutationObserver(nameChoices).observe(place, { childList: true, subtree: true });
});
