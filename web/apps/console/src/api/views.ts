/**
 * What the console calls the shapes in which the cloud gives machines, orders, alarms and codes. Every one of them is an
 * alias of a type made from the API's document; nothing about an answer is written down here.
 */
import type { Schemas } from "@vendomat/api";

export type Page<Item> = Omit<Schemas["OrderViewPage"], "data"> & { data: Item[] };

export type Session = Schemas["SessionView"];
export type Permission = Schemas["Permission"];

export type Machine = Schemas["MachineView"];
export type MachineState = Machine["state"];
export type MachineDetail = Schemas["MachineDetailView"];
export type Condition = NonNullable<MachineDetail["condition"]>;
export type WantedTemperature = NonNullable<MachineDetail["band"]>;
export type Curves = Schemas["CurvesView"];
/** Something that happened to a machine. */
export type MachineEvent = Schemas["MachineEventView"];
export type StockWish = Schemas["StockBody"];
export type FirstSteps = Schemas["FirstStepsView"];
export type Setup = Schemas["SetupView"];
/** `link` is shown once. */
export type MachineLink = Schemas["MachineLinkView"];
export type Slot = Schemas["SlotView"];

export type Order = Schemas["OrderView"];
export type OrderState = Schemas["OrderState"];
export const ORDER_STATES = [
  "awaiting_payment", "paid", "dispensing", "settled", "expired", "cancelled",
] as const satisfies readonly OrderState[];
export type OrderDetail = Schemas["OrderDetailView"];
export type Unit = Schemas["UnitView"];
export type UnitOutcome = Schemas["UnitOutcome"];
/** What was found out about a unit after its last word. */
export type Finding = Schemas["Finding"];
export type Payment = Schemas["PaymentView"];
export type Verdict = Schemas["Verdict"];
export type Refund = Schemas["RefundView"];
/** Debit positive, credit negative. */
export type LedgerLine = Schemas["LedgerLineView"];
export type Evidence = Schemas["TimelineEntryView"];

export type HandWay = Schemas["HandPaymentBody"]["way"];
/** Money to give although nothing is owed; `ordinal` is the place it is to have among the payment's refunds. */
export type Gift = Omit<Schemas["GiftBody"], "reason">;
/** A card of the buyer's that a refund is sent on to; `bank` is the platform's word. */
export type Card = Schemas["CardBody"];
/** What goes with a move of money, beside its reason. */
export type MoneyMove = Schemas["ReasonBody"] &
  Partial<Gift & Omit<Schemas["HandPaymentBody"], "amount_minor"> & Schemas["VerdictBody"] & Schemas["SendOnBody"]>;

export type Alarm = Schemas["AlarmView"];

export type CodeKind = Schemas["CodeKind"];
export const CODE_KINDS = ["gift", "prize", "prepaid"] as const satisfies readonly CodeKind[];
export type PickupCode = Schemas["CodeView"];
/** The digits are in the answer to issuing and nowhere else. */
export type IssuedCode = Schemas["IssuedCodeView"];
export type NewCodes = Schemas["NewCodesBody"];

export type Member = Schemas["MemberView"];
/** The link's key is in this answer and nowhere else; `qr` is an SVG drawing of the whole address. */
export type MemberLink = Schemas["MemberLinkView"];
/** All tiers of members, the lowest turnover first; without one: given by hand. */
export type MemberTiers = Schemas["TiersBody"];
export type NewMember = Schemas["NewMemberBody"];
/** A movement of a wallet; what came in is positive. */
export type WalletEntry = Schemas["WalletEntryView"];
export type WalletStatement = Schemas["WalletStatementView"];

/** One event of the live stream. `subject` is the id it is about. */
export type LiveEvent = Schemas["LiveEventView"];

/** A unit that was declared ambiguous. */
export type Ambiguity = Schemas["AmbiguityView"];
export type AmbiguityRate = Schemas["AmbiguityRateView"];
export type MachineAmbiguity = Schemas["MachineAmbiguityView"];
export type OpenUnknown = Schemas["OpenUnknownView"];
export type AmbiguityReport = Schemas["AmbiguityReportView"];

export type SettlementShare = Schemas["SettlementShareView"];
export type SettlementReport = Schemas["SettlementReportView"];
/** An order that did not meet the settlement objective. */
export type Miss = Schemas["MissView"];

export type ReconClass = Schemas["ReconClass"];
/** One day of one account at a platform. */
export type ReconDay = Schemas["ReconciliationDayView"];
export type Bill = Schemas["BillView"];
export type BillKind = Schemas["BillKind"];
/** A person's request for a day's bill, and how far it has come. */
export type BillRequest = Schemas["BillRequestView"];
/** One difference between a bill and our books; an amount is null on the side that has none. */
export type ReconItem = Schemas["ReconciliationItemView"];

/** The value of a setting as it is sent; null takes it away. */
export type Setting = Schemas["SettingsBody"]["settings"][string];
export type SettingField = Schemas["FieldView"];
/** What tells one key from another: a certificate's serial, a public key's hash, or a secret's mark. */
export type KeyMark = Schemas["MarkView"];
export type PaymentAccount = Schemas["PaymentAccountView"];
export type WayToPay = Schemas["ChannelView"];
export type Tried = Schemas["TriedView"];
export type MachineChannel = Schemas["MachineChannelView"];
