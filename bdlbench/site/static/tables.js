"use strict";
// Make every board sortable, searchable and filterable.
(() => {
  // Cells without a number, of samplers with failed runs, sort last in either direction.
  const order = (sign) => (a, b) => {
    const [x, y] = [parseFloat(a), parseFloat(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return sign * (x - y);
  };
  DataTable.type("figure", { order: { asc: order(1), desc: order(-1) } });

  const columns = (table) => [...table.tHead.rows[0].cells].map((head) => {
    if (head.dataset.kind === "text") return { type: "string" };
    const up = head.dataset.best === "up";
    return { type: "figure", orderSequence: up ? ["desc", "asc"] : ["asc", "desc"] };
  });

  const filter = (board, select) => {
    select.addEventListener("change", () => {
      const fits = (text, row, index) => board.row(index).node().dataset[select.name] === select.value;
      board.search.fixed(select.name, select.value === "" ? null : fits).draw();
    });
  };

  // Only the table scrolls sideways, not the text below it.
  const narrow = (region, container) => {
    const inner = container.querySelector(".dt-layout-table");
    for (const { name, value } of region.attributes) {
      inner.setAttribute(name, name === "class" ? `${inner.className} ${value}` : value);
    }
    region.replaceWith(container);
  };

  for (const table of document.querySelectorAll("table.board")) {
    const long = table.tBodies[0].rows.length > 50;
    const region = table.closest(".scroll");
    const board = new DataTable(table, {
      autoWidth: false,
      columns: columns(table),
      order: [],
      paging: long,
      pageLength: 50,
      lengthChange: false,
      layout: { topStart: null, topEnd: null, bottomStart: "info", bottomEnd: long ? "paging" : null },
      language: {
        entries: { _: "samplers", 1: "sampler" },
        info: "_TOTAL_ _ENTRIES-TOTAL_",
        infoEmpty: "no sampler",
        infoFiltered: "of _MAX_",
        aria: { orderableRemove: ": Activate to invert sorting" }, // a third click sorts again
        zeroRecords: "No sampler matches.",
      },
    });
    narrow(region, board.table().container());
    const controls = document.getElementById(table.dataset.controls);
    controls.hidden = false;
    const search = controls.querySelector("input[type=search]");
    search.addEventListener("input", () => board.search(search.value).draw());
    for (const select of controls.querySelectorAll("select")) filter(board, select);
  }
  performance.mark("interactive");
})();
