// Start the slides. A slide that is too full gets smaller letters, down to what a room can read.
const ROOM = { width: 1280, height: 720 };
const SMALLEST = 15; // pixels of 720

function fit(slide) {
  let size = parseFloat(getComputedStyle(slide).fontSize);
  const picture = slide.querySelector("figure img");
  const tooFull = () => slide.scrollHeight > ROOM.height || slide.scrollWidth > ROOM.width;
  // a picture gives way to its caption first
  if (picture && tooFull()) {
    const rest = slide.scrollHeight - picture.getBoundingClientRect().height / Reveal.getScale();
    picture.style.maxHeight = `${Math.max(ROOM.height - rest - 4, 240)}px`;
  }
  while (tooFull() && size > SMALLEST) slide.style.fontSize = `${--size}px`;
}

Reveal.initialize({
  ...ROOM, margin: 0, center: false, hash: true, slideNumber: "c/t", transition: "none",
  plugins: [RevealNotes],
}).then(() => {
  document.fonts.ready.then(() => fit(Reveal.getCurrentSlide()));
  Reveal.on("slidechanged", (event) => fit(event.currentSlide));
});
