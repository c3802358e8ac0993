// Starts Swagger UI on the description this service serves itself. No validator badge: it would ask another host.
"use strict";

window.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("swagger-ui");
  window.SwaggerUIBundle({ url: place.dataset.url, domNode: place, validatorUrl: null, layout: "BaseLayout" });
});
