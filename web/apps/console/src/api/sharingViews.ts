/** What the cloud says of paying a site's owner by the platform: aliases of types made from its document. */
import type { Schemas } from "@vendomat/api";

export type ShareStage = Schemas["ShareStage"];
export type ReceiverKind = Schemas["ReceiverKind"];
export type AgreementWish = Schemas["AgreementBody"];
export type SharingAgreement = Schemas["AgreementView"];
export type SharePlan = Schemas["PlanView"];
export type SharingStanding = Schemas["SharingView"];
export type SiteShare = Schemas["ShareView"];
