/**
 * How large a millimetre is on this screen, and which of three layouts fits. Pure.
 *
 * On a machine the profile's figure is the truth: sizes in millimetres are least sizes, so a very large panel may use
 * more, and only a panel too small for a layout gets less. A demonstration is looked at in an ordinary window: there
 * the same page is scaled so that it fits. Whatever a profile says, the page never becomes wider than its screen.
 */

export type Layout = "portrait" | "landscape" | "narrow";
/** `focus` enlarges pages with one question, where a panel has the room. */
export type Fit = { layout: Layout; mmPx: number; focus: number };

type Size = { width: number; height: number };

const LANDSCAPE_FROM = 1.05;
const NARROW_BELOW_MM = 170;
const NARROW_BELOW_PX = 600;
const FALLBACK_MM_PX = 4;

/** Least sizes in millimetres that each layout needs: strict on a machine, comfortable in a window. */
const MACHINE_NEED: Readonly<Record<Layout, Size>> = {
  portrait: { width: 170, height: 240 },
  landscape: { width: 250, height: 190 },
  narrow: { width: 105, height: 150 },
};
const DEMO_NEED: Readonly<Record<Layout, Size>> = {
  portrait: { width: 215, height: 330 },
  landscape: { width: 290, height: 215 },
  narrow: { width: 108, height: 170 },
};
/** Beyond these sizes everything grows with the panel. */
const MOST: Readonly<Record<Layout, Size>> = {
  portrait: { width: 300, height: 520 },
  landscape: { width: 460, height: 280 },
  narrow: { width: 170, height: 400 },
};
const FOCUS_FROM: Size = { width: 200, height: 360 };
const FOCUS_MOST = 1.34;

/** Window size in CSS pixels and the profile's pixels per millimetre → layout and pixels per millimetre to use. */
export function fitScreen(width: number, height: number, profileMmPx: number, isDemo: boolean): Fit {
  const profile = profileMmPx > 0 ? profileMmPx : FALLBACK_MM_PX;
  const layout = chooseLayout(width, height, profile, isDemo);
  const least = share({ width, height }, (isDemo ? DEMO_NEED : MACHINE_NEED)[layout]);
  const mmPx = Math.min(least, Math.max(profile, share({ width, height }, MOST[layout])));
  return { layout, mmPx, focus: focusOf(layout, { width: width / mmPx, height: height / mmPx }) };
}

/** Pixels per millimetre at which `need` just fits into `screen`. */
function share(screen: Size, need: Size): number {
  return Math.min(screen.width / need.width, screen.height / need.height);
}

function chooseLayout(width: number, height: number, mmPx: number, isDemo: boolean): Layout {
  if (width / height >= LANDSCAPE_FROM) return "landscape";
  const isNarrow = isDemo ? width < NARROW_BELOW_PX : width / mmPx < NARROW_BELOW_MM;
  return isNarrow ? "narrow" : "portrait";
}

function focusOf(layout: Layout, panelMm: Size): number {
  if (layout !== "portrait") return 1;
  return Math.max(1, Math.min(FOCUS_MOST, share(panelMm, FOCUS_FROM)));
}
