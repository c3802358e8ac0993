// Starts Swagger UI on the description this service serves itself. No validator badge: it would ask another host.
"use strict";

window.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("swagger-ui");
  window.SwaggerUIBundle({ url: place.dataset.url, domNode: place, validatorUrl: null, layout: "BaseLayout" });
  // Its choices for a parameter and the cross of its dialog carry no name, and the dialog's buttons another one than
  // they show; assistive technology needs one.
  const nameControls = () => {
    for (const choice of place.querySelectorAll("select:not([aria-label])")) {
      choice.setAttribute("aria-label", choice.closest("[data-param-name]")?.dataset.paramName || "options");
    }
    for (const cross of place.querySelectorAll(".close-modal:not([aria-label])")) {
      cross.setAttribute("aria-label", "Close");
    }
    for (const button of place.querySelectorAll(".modal-btn[aria-label]")) {
      button.removeAttribute("aria-label");
    }
  };
  new MutationObserver(nameControls).observe(place, { childList: true, subtree: true });
});
