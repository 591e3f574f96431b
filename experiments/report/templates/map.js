(() => {
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const section = document.getElementById("map"), plot = document.getElementById("map-plot");
  const wall = document.getElementById("map-wall"), said = document.getElementById("map-said");
  const pick = document.getElementById("map-source");
  const symbols = ["circle-open", "square-open", "triangle-up-open", "diamond-open", "triangle-down-open", "cross-open", "x-open", "star-open"];
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const SVG = "http://www.w3.org/2000/svg";
  const xy = JSON.parse(wall.dataset.xy);
  let at = [0, 0];

  function show(s, i) {
    at = [s, i];
    const source = data.sources[s], holds = source.holds[i];
    wall.querySelectorAll(".held").forEach((e) => e.remove());
    for (let k = 0; k < holds.length; k += 2) {
      const use = document.createElementNS(SVG, "use"), place = xy[holds[k]];
      if (!place || !document.getElementById("role-" + data.roles[holds[k + 1]])) continue;
      use.setAttribute("href", "#role-" + data.roles[holds[k + 1]]);
      use.setAttribute("x", place[0]); use.setAttribute("y", place[1]);
      use.setAttribute("class", "held");
      wall.append(use);
    }
    said.textContent = [source.label, source.at[i], holds.length / 2 + " holds"].filter(Boolean).join(", ");
    wall.setAttribute("aria-label", "Climb of the map: " + said.textContent);
    pick.value = s;
    Plotly.restyle(plot, { x: [[source.x[i]]], y: [[source.y[i]]] }, [data.sources.length]);
  }

  function draw() {
    const ink = css("--ink"), line = css("--line");
    const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
    const traces = data.sources.map((source, s) => ({
      type: "scatter", mode: "markers", name: escaped(source.label), x: source.x, y: source.y,
      text: source.at, hovertemplate: "%{text}",
      marker: s ? { symbol: symbols[(s - 1) % 8], size: 7, color: css("--s" + ((s - 1) % 8)), line: { width: 1.2 } }
        : { symbol: "circle", size: 5, color: ink, opacity: 0.6 },
    }));
    traces.push({
      type: "scatter", mode: "markers", x: [], y: [], hoverinfo: "skip", showlegend: false,
      marker: { symbol: "circle-open", size: 18, color: ink, line: { width: 2.5 } },
    });
    const axis = (title) => ({ title: { text: title, standoff: 8 }, gridcolor: line, zeroline: false, linecolor: line });
    return Plotly.react(plot, traces, {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, family: "system-ui, sans-serif" },
      xaxis: axis(data.axes[0]), yaxis: axis(data.axes[1]), hovermode: "closest", dragmode: "pan",
      legend: { orientation: "h", x: 0, y: plot.clientHeight < 450 ? -0.3 : -0.14, yanchor: "top" }, margin: { l: 50, r: 10, t: 34, b: 45 },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: ink, activecolor: css("--accent") },
    }, { responsive: true, displaylogo: false, modeBarButtons: [["zoomIn2d", "zoomOut2d", "resetScale2d"]] });
  }

  const wrap = (i, n) => (i + n) % n;
  const step = (by) => show(at[0], wrap(at[1] + by, data.sources[at[0]].x.length));
  const leap = (by) => show(wrap(at[0] + by, data.sources.length), 0);

  section.classList.add("live");
  data.sources.forEach((source, s) => pick.add(new Option(source.label, s)));
  draw().then(() => {
    const point = (event) => {
      const p = event.points[0];
      if (p.curveNumber < data.sources.length) show(p.curveNumber, p.pointNumber);
    };
    plot.on("plotly_hover", point);
    plot.on("plotly_click", point);
    show(0, 0);
  });
  pick.addEventListener("change", () => show(Number(pick.value), 0));
  document.getElementById("map-back").addEventListener("click", () => step(-1));
  document.getElementById("map-next").addEventListener("click", () => step(1));
  const keys = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), ArrowUp: () => leap(-1), ArrowDown: () => leap(1) };
  plot.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.target !== plot || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  // Paper shows every table; browsers without ::details-content need them opened.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((e) => { e.open = true; }));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw().then(() => show(...at)));
})();
