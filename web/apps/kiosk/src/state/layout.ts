/**
 * How large a millimetre is on this screen, and which of three layouts fits. Pure.
 *
 * On a machine the profile's figure is the truth. A demonstration is looked at in an ordinary window: there the same
 * page is scaled so that it fits. Whatever a profile says, the page never becomes wider than its screen.
 */

export type Layout = "portrait" | "landscape" | "narrow";
export type Fit = { layout: Layout; mmPx: number };

const LANDSCAPE_FROM = 1.05;
/** Least sizes in millimetres that each layout needs. */
const DEMO_NEED: Readonly<Record<Layout, { width: number; height: number }>> = {
  portrait: { width: 215, height: 330 },
  landscape: { width: 300, height: 245 },
  narrow: { width: 108, height: 190 },
};
const MACHINE_NEED = { width: 105, height: 130 };
const NARROW_BELOW_MM = 125;
const NARROW_BELOW_PX = 600;

/** Window size in CSS pixels and the profile's pixels per millimetre → layout and pixels per millimetre to use. */
export function fitScreen(width: number, height: number, profileMmPx: number, isDemo: boolean): Fit {
  const profile = profileMmPx > 0 ? profileMmPx : 4;
  const layout = chooseLayout(width, height, profile, isDemo);
  const need = isDemo ? DEMO_NEED[layout] : MACHINE_NEED;
  return { layout, mmPx: Math.min(profile, width / need.width, height / need.height) };
}

function chooseLayout(width: number, height: number, mmPx: number, isDemo: boolean): Layout {
  if (width / height >= LANDSCAPE_FROM) return "landscape";
  const isNarrow = isDemo ? width < NARROW_BELOW_PX : width / mmPx < NARROW_BELOW_MM;
  return isNarrow ? "narrow" : "portrait";
}
