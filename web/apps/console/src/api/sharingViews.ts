/** What the cloud says of paying a site's owner by the platform. Amounts are minor units. */

export type ShareStage = "requested" | "unknown" | "processing" | "refused" | "succeeded" | "closed";
export type ReceiverKind = "merchant" | "person";
export type AgreementWish = { kind: ReceiverKind; receiver: string; name: string; ceiling_bp: number };
export type SharingAgreement = AgreementWish & {
  channel: string;
  account: string;
  is_sharing: boolean;
  is_added: boolean;
  error: string;
};
export type SharePlan = { position: number; month: string; round: number; wanted_minor: number; given_minor: number; missing_minor: number };
export type SharingStanding = {
  may_share: boolean;
  currency: string;
  on_its_way_minor: number;
  too_much_minor: number;
  agreement: SharingAgreement | null;
  plans: SharePlan[];
  sums: { position: number; duty: "give" | "free" | "take_back"; stage: ShareStage; count: number; amount_minor: number }[];
};
export type SiteShare = {
  id: string;
  position: number;
  duty: "give" | "take_back";
  payment_id: string;
  receiver: string;
  currency: string;
  amount_minor: number;
  stage: ShareStage;
  error: string;
  asked_at: string;
};
