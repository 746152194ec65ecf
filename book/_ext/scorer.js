// How the search ranks: pages that list and measure come after those that explain.
var Scorer = {
  score: ([page, , , , score]) =>
    /^book\/(benchmarks|claims|compatibility|faults|licences|references|status|style)$/.test(page)
      ? score - 20
      : score,
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
