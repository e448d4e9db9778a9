// Icons as paths on a 16 × 16 grid. Each state has a shape of its own, so that colour is never the only sign.

const NS = "http://www.w3.org/2000/svg";

const PATHS = {
  running: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm-1.8 4.2 4.6 2.8-4.6 2.800Z",
  stopped: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1ZM5.5 5.500h5v5h-5Z",
  pending: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.600a5.4 5.4 0 1 1 0 10.800A5.4 5.4 0 0 1 8 2.600ZM7.2 4.500v3.900l3 1.8.8-1.3-2.2-1.300V4.500Z",
  none: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.600a5.4 5.4 0 1 1 0 10.800A5.4 5.4 0 0 1 8 2.600ZM5 7.200v1.600h6V7.200Z",
  unknown: "M8 .3.3 8 8 15.7 15.7 8ZM5.7 6.300C5.7 4.9 6.7 4 8.1 4c1.3 0 2.3.9 2.3 2 0 .9-.5 1.4-1.1 1.9-.5.4-.6.5-.6 1.100H7.300c0-1.2.4-1.6 1-2.1.5-.4.7-.6.7-.9 0-.4-.4-.7-.9-.7-.6 0-.9.4-.9 1ZM7.2 10.100h1.600v1.600H7.200Z",
  drill: "M6 1h4v1.500h-.6v3.300l3.9 6.700c.6 1-.1 2.3-1.3 2.300H4c-1.2 0-1.9-1.3-1.3-2.300l3.9-6.700V2.500H6Zm2 5.6-2.2 3.900h4.400Z",
  recovery: "M8 .8 1.7 3.200v4.400c0 3.6 2.6 6.4 6.3 7.6 3.7-1.2 6.3-4 6.3-7.600V3.200ZM7.2 4.300h1.600v4.300H7.200Zm0 5.500h1.600v1.600H7.200Z",
  warning: "M8 1 .6 14.300h14.800ZM7.2 5.800h1.600v4H7.200Zm0 5h1.600v1.600H7.200Z",
  ok: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm3.2 4 1.1 1.1-5.2 5.2-3.2-3.1 1.1-1.1 2 2Z",
  clock: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.600a5.4 5.4 0 1 1 0 10.800A5.4 5.4 0 0 1 8 2.600ZM7.2 4.500v3.900l3 1.8.8-1.3-2.2-1.300V4.500Z",
  copy: "M5 1h8.500v10H12V2.500H5Zm-2.5 3H10.500v11h-8Zm1.5 1.500v8h5v-8Z",
  download: "M7.2 1h1.600v6.700l2.4-2.4 1.1 1.100L8 10.7 3.7 6.400l1.1-1.1 2.4 2.400ZM2 12.200h12v1.600H2Z",
  sync: "M8 2a6 6 0 0 1 4.6 2.100V2h1.500v4.800H9.300V5.300h2.400A4.5 4.5 0 0 0 3.6 7H2.100A6 6 0 0 1 8 2Zm5.9 7A6 6 0 0 1 3.4 11.900V14H1.900V9.200h4.800v1.500H4.300A4.5 4.5 0 0 0 12.4 9Z",
  close: "m3.7 2.6 4.3 4.3 4.3-4.3 1.1 1.100L9.1 8l4.3 4.3-1.1 1.100L8 9.100l-4.3 4.3-1.1-1.100L6.9 8 2.6 3.700Z",
  trash: "M6 1h4l.6 1.500H14V4H2V2.500h3.400ZM3.2 5h9.600l-.7 10H3.900Zm2.8 1.5.3 7h1.200l-.3-7Zm2.8 0-.3 7h1.200l.3-7Z",
  print: "M4 1h8v3h2.500v7H12v4H4v-4H1.500V4H4Zm1.500 1.500V4h5V2.500Zm0 6.500v4.500h5V9ZM3 5.500v4h1V7.500h8v2h1v-4Z",
  report: "M3 1h7l3 3v11H3Zm1.500 1.500v11h7V5H9V2.500ZM6 7h4v1.300H6Zm0 2.600h4v1.300H6Z",
  pause: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1ZM5.500 5h1.800v6H5.500Zm3.200 0h1.800v6H8.700Z",
  play: "M4 2.200v11.600L13.5 8Z",
};

const drawn = new Map();

function draw(name) {
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(NS, "path");
  path.setAttribute("d", PATHS[name]);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

/** The icon of that name, hidden from screen readers: the word beside it says the same. */
export function icon(name) {
  if (!drawn.has(name)) drawn.set(name, draw(name));
  return drawn.get(name).cloneNode(true);
}
