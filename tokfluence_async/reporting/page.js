"use strict";
const options = { actions: false, renderer: "svg", ast: true, tooltip: { theme: "light" } };
window.chartsDrawn = Promise.all(
  [...document.querySelectorAll('script[type="application/json"][id^="chart-"]')].map((block) =>
    vegaEmbed("#" + block.id + "-view", JSON.parse(block.textContent), options)
  )
).then((views) => {
  document.documentElement.dataset.charts = String(views.length);
});
