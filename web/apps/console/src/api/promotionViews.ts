/** Promotions as the cloud tells and takes them; money in minor units, minutes of a day, days from Monday (0). */
export type PromotionKind = "percent" | "amount_off" | "fixed_price" | "n_for_m" | "bundle" | "cart_off";
export const PROMOTION_KINDS: readonly PromotionKind[] = ["percent", "amount_off", "fixed_price", "n_for_m", "bundle", "cart_off"];

/** Goods named, or of a category named; neither: all goods. */
export type GoodsScope = { products: string[]; categories: string[] };
export type BundlePart = GoodsScope & { quantity: number };
export type WeekWindow = { days: number[]; start: number; end: number };

export type Rule = GoodsScope & {
  name: string;
  kind: PromotionKind;
  value_minor: number;
  basis_points: number;
  take: number;
  pay: number;
  parts: BundlePart[];
  machines: string[];
  /** Tags of machines. */
  groups: string[];
  /** Tiers of members, known when their code pays. */
  tiers: string[];
  /** Ways to pay. */
  channels: string[];
  starts_at: string | null;
  ends_at: string | null;
  windows: WeekWindow[];
  from_minor: number;
  priority: number;
  is_stackable: boolean;
  /** It counts only for orders with one of its coupons. */
  needs_coupon: boolean;
};

export type PromotionBody = Rule & { money_max: number | null; uses_max: number | null };

export type PromotionState = "draft" | "active" | "ended";
export type Promotion = PromotionBody & {
  id: string;
  state: PromotionState;
  version: number;
  /** What orders had that were paid or still may be. */
  given_minor: number;
  given_uses: number;
};

/** What was issued at once: `count` drawn codes, or one word; `used` counts the orders that hold a use. */
export type CouponBatch = {
  id: string;
  promotion_id: string;
  word: string;
  count: number;
  uses_each: number;
  used: number;
  starts_at: string | null;
  ends_at: string | null;
  created_at: string;
  withdrawn_at: string | null;
};
export type NewCoupons = { word: string; count: number; uses_each: number; starts_at: string | null; ends_at: string | null };
export type IssuedCoupons = { batch: CouponBatch; codes: string[] };

export type PromotedProduct = { id: string; name_zh: string; name_en: string; category: string; price_minor: number };
export type PromotionGoods = { currency: string; time_zone: string; products: PromotedProduct[]; groups: string[]; tiers: string[]; channels: string[] };

/** For `quantity` of the product the winners come to `total_minor`. The id "" is the rule that is looked at. */
export type Meeting = {
  product_id: string;
  promotions: string[];
  winners: string[];
  quantity: number;
  list_minor: number;
  total_minor: number;
};
export type Preview = { meetings: Meeting[]; names: Record<string, string> };

export type CartTrial = { machine_id: string; lines: { slot: string; quantity: number }[]; at: string | null; trial: (Rule & { id: string }) | null; channel: string; tier: string };
export type TriedCart = {
  at: string;
  currency: string;
  list_minor: number;
  total_minor: number;
  mark: string;
  units: {
    slot: string;
    name_zh: string;
    name_en: string;
    list_minor: number;
    price_minor: number;
    applied: { promotion: string; name: string; off_minor: number }[];
  }[];
};
