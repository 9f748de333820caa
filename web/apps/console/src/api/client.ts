/**
 * Asks the cloud. An answer is the value, a refusal with its problem document, or "not known" when nothing certain came
 * back. Reading is tried once: the page asks again by itself. What is to be done carries an idempotency key, one for each
 * wish: the same wish again after silence has the same key, so that it is done once. Refuses to guess: a refusal without
 * a problem document counts as not known.
 */
import type { Problem, Schemas } from "@vendomat/api";
import type {
  Alarm, Ambiguity, AmbiguityReport, Curves, Finding, FirstSteps, Machine, MachineDetail, MachineEvent, MachineLink, Member, MemberLink, MemberTiers, Miss, MoneyMove,
  NewCodes, NewMember, Order, OrderDetail, Page, PickupCode, ReconDay, ReconItem, Session, Setting, Setup, SettlementReport, StockWish, Tried,
  WalletStatement, WantedTemperature, WayToPay,
} from "./views";
import type {
  AlarmRule, AlarmTimeline, AttentionList, ChannelWish, Assignee, NoticeChannel, QuietHours,
} from "./attentionViews";
import type { Claim } from "./claimViews";
import { GoodsClient, quoting } from "./goodsClient";
import type {
  Browser, BrowserWish, Change, Credential, Enrolment, Identity, Invitation, Invited, NewPerson, Passkey, Person, PersonWords, Proof, ProviderStanding,
  ProviderWish, RoleFile, Roles, RoleWords, Seal, SecondFactor, StandingSession, SavedView, ViewPage,
} from "./peopleViews";
import type { MappedMachine, MappedSite } from "./mapViews";
import type { OwnSales, OwnSiteDetail, OwnSites } from "./ownViews";
import type { PayoutOutlook, PayoutWish, WalletPayout } from "./payoutViews";
import type { AgreementWish, SharingStanding, SiteShare } from "./sharingViews";
import type { Band, ClosedMonth, Formula, Margins, Months, ProductRanking, RefundTimes, SalesFigures, SoldUnit } from "./salesViews";
import type { CartTrial, CouponBatch, IssuedCoupons, NewCoupons, Preview, Promotion, PromotionBody, PromotionGoods, Rule, TriedCart } from "./promotionViews";
import type {
  Arrangement, Payout, Periods, Site, SitePlace, SiteAccount, SiteStatement, Statement, StatementRow, Terms, Verified,
} from "./statementViews";

export type Reply<Value> = { kind: "ok"; value: Value } | { kind: "refused"; problem: Problem } | { kind: "not_known" };
export type Failure = Exclude<Reply<never>, { kind: "ok" }>;
export type Query = Readonly<Record<string, string | number | undefined>>;

const SESSION = "/api/v1/session";
const PROOF = `${SESSION}/proof`;
const ANSWER_WITHIN_MS = 10_000;
/** A platform has ten seconds to answer, and our own cloud a moment more. */
const TRY_WITHIN_MS = 30_000;
/** A file of 32 MiB over a slow line. */
const UPLOAD_WITHIN_MS = 300_000;
const PAGES_MAX = 100;
const LIMIT_MAX = 200;

type Fetch = (address: string, init: RequestInit) => Promise<Response>;

export class ConsoleClient {
  /** Called when the cloud says that nobody is signed in (any more). */
  onSignedOut: () => void = () => undefined;
  /** Called when the cloud wants a second factor, which was required meanwhile. */
  onFactorMissing: () => void = () => undefined;
  /** Called when the cloud refuses what the page offered: the role may have changed meanwhile. */
  onForbidden: () => void = () => undefined;
  /** Called when the cloud wants a fresh proof of who asks; true once it was given: then the request is sent again. */
  onProofWanted: () => Promise<boolean> = async () => false;

  /** Keys of the wishes whose answers never came. */
  readonly #unanswered = new Map<string, string>();

  constructor(
    readonly fetch: Fetch = (address, init) => globalThis.fetch(address, init),
    readonly newKey: () => string = randomKey,
  ) {}

  readonly goods = new GoodsClient((method, path, body, headers) => this.#ask(method, path, body, headers));

  session = (): Promise<Reply<Session>> => this.#ask("GET", SESSION);
  signIn = (email: string, password: string, code = ""): Promise<Reply<Session>> =>
    this.#ask("POST", SESSION, { email, password, ...(code === "" ? {} : { code }) });
  signOut = (): Promise<Reply<null>> => this.#ask("DELETE", SESSION);
  beginPasskeySignIn = (): Promise<Reply<BrowserWish>> => this.#ask("POST", `${SESSION}/passkey/begin`);
  signInByPasskey = (credential: Credential): Promise<Reply<Session>> => this.#ask("POST", `${SESSION}/passkey`, { credential });
  doors = (): Promise<Reply<Schemas["DoorsView"]>> => this.#ask("GET", `${SESSION}/doors`);
  beginProviderProof = (): Promise<Reply<Schemas["AddressView"]>> => this.#ask("POST", `${PROOF}/provider`);
  beginProof = (): Promise<Reply<BrowserWish>> => this.#ask("POST", `${PROOF}/begin`);
  proof = (): Promise<Reply<Proof>> => this.#ask("GET", PROOF);
  prove = (proof: Partial<Schemas["ProofBody"]>): Promise<Reply<Proof>> => this.#ask("PUT", PROOF, proof);

  setup = (): Promise<Reply<Setup>> => this.#ask("GET", "/api/v1/setup");
  lookSetup = (token: string): Promise<Reply<null>> => this.#ask("POST", "/api/v1/setup/look", { token });
  setUp = (wish: Schemas["SetupBody"]): Promise<Reply<Schemas["SetUpView"]>> => this.#ask("POST", "/api/v1/setup", wish);
  firstSteps = (): Promise<Reply<FirstSteps>> => this.#ask("GET", "/api/v1/first-steps");
  people = (): Promise<Reply<{ data: Person[] }>> => this.#ask("GET", "/api/v1/people");
  roles = (): Promise<Reply<Roles>> => this.#ask("GET", "/api/v1/roles");
  createRole = (role: RoleWords): Promise<Reply<RoleFile>> => this.#ask("POST", "/api/v1/roles", role);
  changeRole = (id: string, role: RoleWords, version: number): Promise<Reply<RoleFile>> => this.#ask("PUT", `/api/v1/roles/${id}`, role, quoting(version));
  removeRole = (id: string, version: number): Promise<Reply<null>> => this.#ask("DELETE", `/api/v1/roles/${id}`, undefined, quoting(version));
  invite = (person: NewPerson): Promise<Reply<Invitation>> => this.#ask("POST", "/api/v1/people", person);
  inviteAgain = (id: string): Promise<Reply<Invitation>> => this.#ask("POST", `/api/v1/people/${id}/invite`);
  changePerson = (id: string, person: PersonWords): Promise<Reply<Person>> => this.#ask("PUT", `/api/v1/people/${id}`, person);
  requireSecondFactor = (isRequired: boolean): Promise<Reply<null>> =>
    this.#ask("PUT", "/api/v1/people/second-factor", { is_required: isRequired });
  deactivatePerson = (id: string): Promise<Reply<Person>> => this.#ask("POST", `/api/v1/people/${id}/deactivate`);
  lookInvitation = (token: string): Promise<Reply<Invited>> => this.#ask("POST", "/api/v1/invitation/look", { token });
  acceptInvitation = (token: string, password: string): Promise<Reply<Invited>> =>
    this.#ask("POST", "/api/v1/invitation/accept", { token, password });
  changePassword = (old: string, fresh: string): Promise<Reply<unknown>> =>
    this.#ask("PUT", "/api/v1/account/password", { old, new: fresh });
  savedViews = (page: ViewPage): Promise<Reply<{ data: SavedView[] }>> => this.#ask("GET", `/api/v1/saved-views${queryText({ page })}`);
  saveView = (page: ViewPage, name: string, query: string): Promise<Reply<SavedView>> =>
    this.#ask("PUT", "/api/v1/saved-views", { page, name, query });
  removeView = (id: string): Promise<Reply<null>> => this.#ask("DELETE", `/api/v1/saved-views/${id}`);
  standingSessions = (): Promise<Reply<{ data: StandingSession[] }>> => this.#ask("GET", "/api/v1/account/sessions");
  endSession = (id: string): Promise<Reply<unknown>> => this.#ask("DELETE", `/api/v1/account/sessions/${id}`);
  endOtherSessions = (): Promise<Reply<unknown>> => this.#ask("DELETE", "/api/v1/account/sessions");
  passkeys = (): Promise<Reply<{ data: Passkey[] }>> => this.#ask("GET", "/api/v1/account/passkeys");
  beginPasskey = (): Promise<Reply<BrowserWish>> => this.#ask("POST", "/api/v1/account/passkeys/begin");
  addPasskey = (name: string, credential: Credential): Promise<Reply<Passkey>> =>
    this.#ask("POST", "/api/v1/account/passkeys", { name, credential });
  removePasskey = (id: string): Promise<Reply<null>> => this.#ask("DELETE", `/api/v1/account/passkeys/${id}`);
  browsers = (): Promise<Reply<Schemas["BrowsersView"]>> => this.#ask("GET", "/api/v1/account/browsers");
  putBrowser = (wish: Schemas["BrowserBody"]): Promise<Reply<Browser>> => this.#ask("PUT", "/api/v1/account/browsers", wish);
  removeBrowser = (id: string): Promise<Reply<null>> => this.#ask("DELETE", `/api/v1/account/browsers/${id}`);
  testBrowser = (id: string): Promise<Reply<Schemas["TestedView"]>> => this.#ask("POST", `/api/v1/account/browsers/${id}/test`);
  identity = (): Promise<Reply<Identity>> => this.#ask("GET", "/api/v1/account/identity");
  linkIdentity = (): Promise<Reply<Schemas["AddressView"]>> => this.#ask("POST", "/api/v1/account/identity");
  unlinkIdentity = (): Promise<Reply<null>> => this.#ask("DELETE", "/api/v1/account/identity");
  provider = (): Promise<Reply<ProviderStanding>> => this.#ask("GET", "/api/v1/identity-provider");
  putProvider = (wish: ProviderWish): Promise<Reply<ProviderStanding>> => this.#ask("PUT", "/api/v1/identity-provider", wish);
  tryProvider = (): Promise<Reply<Schemas["ProviderTriedView"]>> =>
    this.#ask("POST", "/api/v1/identity-provider/try");
  renewRecovery = (): Promise<Reply<{ recovery_codes: string[] }>> =>
    this.#ask("POST", "/api/v1/account/second-factor/recovery-codes");
  secondFactor = (): Promise<Reply<SecondFactor>> => this.#ask("GET", "/api/v1/account/second-factor");
  beginSecondFactor = (): Promise<Reply<Enrolment>> => this.#ask("POST", "/api/v1/account/second-factor");
  confirmSecondFactor = (code: string): Promise<Reply<{ recovery_codes: string[] } | null>> =>
    this.#ask("POST", "/api/v1/account/second-factor/confirm", { code });
  endSecondFactor = (code: string): Promise<Reply<{ recovery_codes: string[] } | null>> =>
    this.#ask("POST", "/api/v1/account/second-factor/off", { code });
  changes = (query: Query): Promise<Reply<Page<Change>>> => this.#ask("GET", `/api/v1/changes${queryText(query)}`);
  changeSeal = (): Promise<Reply<Seal>> => this.#ask("GET", "/api/v1/changes/seal");

  createMachine = (machine: Schemas["NewMachineBody"]): Promise<Reply<Schemas["NewMachineView"]>> =>
    this.#ask("POST", "/api/v1/machines", machine);
  /** The link is in this answer only; earlier ones that were not used end. */
  linkMachine = (id: string): Promise<Reply<MachineLink>> => this.#ask("POST", `/api/v1/machines/${id}/enrolment`);
  machine = (id: string): Promise<Reply<MachineDetail>> => this.#ask("GET", `/api/v1/machines/${id}`);
  curves = (id: string, hours: number): Promise<Reply<Curves>> => this.#ask("GET", `/api/v1/machines/${id}/curves?hours=${hours}`);
  machineEvents = (id: string, query: Query): Promise<Reply<Page<MachineEvent>>> =>
    this.#ask("GET", `/api/v1/machines/${id}/timeline${queryText(query)}`);
  wantTemperature = (id: string, band: WantedTemperature | null): Promise<Reply<null>> =>
    this.#ask("PUT", `/api/v1/machines/${id}/climate`, { band });
  tagMachines = (wish: Schemas["TagsBody"]): Promise<Reply<null>> => this.#ask("POST", "/api/v1/machines/tags", wish);
  handleStock = (id: string, wish: StockWish): Promise<Reply<Schemas["StockView"]>> =>
    this.#ask("POST", `/api/v1/machines/${id}/stock`, wish);
  orders = (query: Query): Promise<Reply<Page<Order>>> => this.#ask("GET", `/api/v1/orders${queryText(query)}`);
  order = (id: string): Promise<Reply<OrderDetail>> => this.#ask("GET", `/api/v1/orders/${id}`);
  /** What a person does about the money of an order: `refund`, `goodwill`, `refunds/<id>/again`, `payments/<id>/verdict` … */
  moveRefund = (orderId: string, move: string, body: MoneyMove): Promise<Reply<Schemas["StandingView"]>> =>
    this.#ask("POST", `/api/v1/orders/${orderId}/${move}`, body);
  claims = (query: Query): Promise<Reply<Page<Claim>>> => this.#ask("GET", `/api/v1/claims${queryText(query)}`);
  claim = (orderId: string): Promise<Reply<Claim>> => this.#ask("GET", `/api/v1/claims/${orderId}`);
  /** With an amount and its place: given by the refund desk; without: by the refund that goes back already. */
  grantClaim = (orderId: string, body: MoneyMove): Promise<Reply<Claim>> =>
    this.#ask("POST", `/api/v1/claims/${orderId}/grant`, body);
  declineClaim = (orderId: string, reason: string): Promise<Reply<Claim>> =>
    this.#ask("POST", `/api/v1/claims/${orderId}/decline`, { reason });
  attention = (query: Query): Promise<Reply<AttentionList>> => this.#ask("GET", `/api/v1/attention${queryText(query)}`);
  alarms = (query: Query): Promise<Reply<Page<Alarm>>> => this.#ask("GET", `/api/v1/alarms${queryText(query)}`);
  moveAlarm = (id: string, move: "acknowledge" | "clear"): Promise<Reply<Alarm>> =>
    this.#ask("POST", `/api/v1/alarms/${id}/${move}`);
  acknowledgeAlarms = (ids: readonly string[]): Promise<Reply<{ data: Alarm[] }>> =>
    this.#ask("POST", "/api/v1/alarms/acknowledge", { alarm_ids: ids });
  assignAlarm = (id: string, operatorId: string): Promise<Reply<Alarm>> =>
    this.#ask("POST", `/api/v1/alarms/${id}/assign`, { operator_id: operatorId });
  snoozeAlarm = (id: string, until: string | null): Promise<Reply<Alarm>> =>
    this.#ask("POST", `/api/v1/alarms/${id}/snooze`, { until });
  commentAlarm = (id: string, text: string): Promise<Reply<Alarm>> =>
    this.#ask("POST", `/api/v1/alarms/${id}/comments`, { text });
  alarmTimeline = (id: string): Promise<Reply<AlarmTimeline>> => this.#ask("GET", `/api/v1/alarms/${id}/timeline`);
  alarmPeople = (): Promise<Reply<{ data: Assignee[] }>> => this.#ask("GET", "/api/v1/alarms/people");
  noticeChannels = (): Promise<Reply<{ data: NoticeChannel[] }>> => this.#ask("GET", "/api/v1/notification-channels");
  addNoticeChannel = (wish: ChannelWish): Promise<Reply<NoticeChannel>> =>
    this.#ask("POST", "/api/v1/notification-channels", wish);
  changeNoticeChannel = (id: string, wish: ChannelWish): Promise<Reply<NoticeChannel>> =>
    this.#ask("PATCH", `/api/v1/notification-channels/${id}`, wish);
  /** The endpoint itself answers, so this takes longer than other questions. */
  testNoticeChannel = (id: string): Promise<Reply<{ is_sent: boolean; reason: string }>> =>
    this.#ask("POST", `/api/v1/notification-channels/${id}/test`, undefined, {}, TRY_WITHIN_MS);
  alarmRules = (): Promise<Reply<{ data: AlarmRule[] }>> => this.#ask("GET", "/api/v1/alarm-rules");
  putAlarmRule = ({ kind, ...rule }: AlarmRule): Promise<Reply<AlarmRule>> =>
    this.#ask("PUT", `/api/v1/alarm-rules/${kind}`, rule);
  quietHours = (): Promise<Reply<QuietHours>> => this.#ask("GET", "/api/v1/quiet-hours");
  putQuietHours = (hours: Pick<QuietHours, "from_minute" | "until_minute">): Promise<Reply<QuietHours>> =>
    this.#ask("PUT", "/api/v1/quiet-hours", hours);
  ambiguities = (query: Query): Promise<Reply<Page<Ambiguity>>> =>
    this.#ask("GET", `/api/v1/ambiguities${queryText(query)}`);
  ambiguityReport = (): Promise<Reply<AmbiguityReport>> => this.#ask("GET", "/api/v1/reports/ambiguity");
  settlement = (): Promise<Reply<SettlementReport>> => this.#ask("GET", "/api/v1/reports/settlement");
  misses = (query: Query): Promise<Reply<Page<Miss>>> =>
    this.#ask("GET", `/api/v1/reports/settlement/misses${queryText(query)}`);
  resolveUnit = (orderId: string, unit: number, finding: Finding, reason: string): Promise<Reply<Schemas["FoundView"]>> =>
    this.#ask("POST", `/api/v1/orders/${orderId}/units/${unit}/resolve`, { finding, reason });
  reconDays = (query: Query): Promise<Reply<Page<ReconDay>>> =>
    this.#ask("GET", `/api/v1/reconciliation/days${queryText(query)}`);
  reconDay = (place: string): Promise<Reply<ReconDay>> => this.#ask("GET", reconDayAt(place));
  reconItems = (place: string): Promise<Reply<ReconItem[]>> => this.#ask("GET", `${reconDayAt(place)}/items`);
  fetchBills = (place: string): Promise<Reply<ReconDay>> => this.#ask("POST", `${reconDayAt(place)}/fetch`);
  /** The file as it is: what it is, the cloud finds out. */
  giveBill = (file: File, query: Query): Promise<Reply<ReconDay>> => {
    const body = file.slice(0, file.size, "application/octet-stream");
    return this.#ask("POST", `/api/v1/reconciliation/bills${queryText(query)}`, body, {}, UPLOAD_WITHIN_MS);
  };
  resolveItem = (id: string, state: "explained" | "fixed", reason: string): Promise<Reply<ReconItem>> =>
    this.#ask("POST", `/api/v1/reconciliation/items/${id}/resolve`, { state, reason });
  statementPeriods = (): Promise<Reply<Periods>> => this.#ask("GET", "/api/v1/statements");
  statement = (period: string): Promise<Reply<Statement>> => this.#ask("GET", `/api/v1/statements/${period}`);
  statementRows = (period: string, query: Query): Promise<Reply<Page<StatementRow>>> =>
    this.#ask("GET", `/api/v1/statements/${period}/rows${queryText(query)}`);
  salesFigures = (query: Query): Promise<Reply<SalesFigures>> => this.#ask("GET", `/api/v1/sales-figures${queryText(query)}`);
  soldUnits = (query: Query): Promise<Reply<Page<SoldUnit>>> =>
    this.#ask("GET", `/api/v1/sales-figures/units${queryText(query)}`);
  months = (): Promise<Reply<Months>> => this.#ask("GET", "/api/v1/month-closes");
  closedMonth = (month: string): Promise<Reply<ClosedMonth>> => this.#ask("GET", `/api/v1/month-closes/${month}`);
  closeMonth = (month: string): Promise<Reply<ClosedMonth>> => this.#ask("POST", `/api/v1/month-closes/${month}`);
  formulas = (): Promise<Reply<Formula[]>> => this.#ask("GET", "/api/v1/sales-figures/formulas");
  margins = (query: Query): Promise<Reply<Margins>> => this.#ask("GET", `/api/v1/margins${queryText(query)}`);
  productRanking = (query: Query): Promise<Reply<ProductRanking>> => this.#ask("GET", `/api/v1/product-ranking${queryText(query)}`);
  band = (query: Query = {}): Promise<Reply<Band>> => this.#ask("GET", `/api/v1/sales-figures/band${queryText(query)}`);
  sites = (): Promise<Reply<Site[]>> => this.#ask("GET", "/api/v1/sites");
  createSite = (name: string, owner: string): Promise<Reply<Arrangement>> => this.#ask("POST", "/api/v1/sites", { name, owner });
  refundTimes = (first: string, last: string): Promise<Reply<RefundTimes>> =>
    this.#ask("GET", `/api/v1/sales-figures/refund-times${queryText({ first, last })}`);
  changeSite = (id: string, place: SitePlace): Promise<Reply<Arrangement>> => this.#ask("PUT", `/api/v1/sites/${id}`, place);
  site = (id: string): Promise<Reply<Arrangement>> => this.#ask("GET", `/api/v1/sites/${id}`);
  placeMachine = (id: string, machineId: string, firstDay: string, isLeaving: boolean): Promise<Reply<Arrangement>> =>
    this.#ask("PUT", `/api/v1/sites/${id}/machines/${machineId}`, { first_day: firstDay, is_leaving: isLeaving });
  agreeTerms = (id: string, firstDay: string, terms: Terms): Promise<Reply<Arrangement>> =>
    this.#ask("PUT", `/api/v1/sites/${id}/rules/${firstDay}`, terms);
  siteAccount = (id: string): Promise<Reply<SiteAccount>> => this.#ask("GET", `/api/v1/sites/${id}/statements`);
  siteStatement = (id: string, month: string, whose: "sites" | "own-sites" = "sites"): Promise<Reply<SiteStatement>> =>
    this.#ask("GET", `/api/v1/${whose}/${id}/statements/${month}`);
  issueStatement = (id: string, month: string, despiteOpenDays: boolean): Promise<Reply<SiteStatement>> =>
    this.#ask("POST", `/api/v1/sites/${id}/statements`, { month, despite_open_days: despiteOpenDays });
  paySite = (id: string, payout: Schemas["SitePayoutBody"]): Promise<Reply<Payout>> =>
    this.#ask("POST", `/api/v1/sites/${id}/payouts`, payout);
  sharing = (id: string): Promise<Reply<SharingStanding>> => this.#ask("GET", `/api/v1/sites/${id}/sharing`);
  agreeSharing = (id: string, wish: AgreementWish): Promise<Reply<SharingStanding>> => this.#ask("PUT", `/api/v1/sites/${id}/sharing`, wish);
  stopSharing = (id: string): Promise<Reply<SharingStanding>> => this.#ask("POST", `/api/v1/sites/${id}/sharing/stop`);
  planShares = (id: string, position: number): Promise<Reply<SharingStanding>> =>
    this.#ask("POST", `/api/v1/sites/${id}/sharing/plans`, { position });
  takeBackShare = (id: string, amountMinor: number): Promise<Reply<SharingStanding>> =>
    this.#ask("POST", `/api/v1/sites/${id}/sharing/take-backs`, { amount_minor: amountMinor });
  siteShares = (id: string, position: number): Promise<Reply<SiteShare[]>> =>
    this.#ask("GET", `/api/v1/sites/${id}/sharing/shares/${position}`);
  giveUpShare = (shareId: string): Promise<Reply<SiteShare>> => this.#ask("POST", `/api/v1/shares/${shareId}/give-up`);
  /** `siteId`: of this site only, as its owner asks. */
  verifyFile = (sha256: string, siteId?: string): Promise<Reply<Verified>> =>
    this.#ask("GET", siteId === undefined ? `/api/v1/site-statements/verify/${sha256}` : `/api/v1/own-sites/${siteId}/verify/${sha256}`);
  siteMap = (): Promise<Reply<{ data: MappedSite[] }>> => this.#ask("GET", "/api/v1/site-map");
  siteMachines = (siteId: string): Promise<Reply<{ data: MappedMachine[] }>> => this.#ask("GET", `/api/v1/site-map/${siteId}`);
  ownSites = (): Promise<Reply<OwnSites>> => this.#ask("GET", "/api/v1/own-sites");
  ownSite = (id: string): Promise<Reply<OwnSiteDetail>> => this.#ask("GET", `/api/v1/own-sites/${id}`);
  ownSales = (id: string, query: Query): Promise<Reply<OwnSales>> => this.#ask("GET", `/api/v1/own-sites/${id}/sales${queryText(query)}`);
  unlockSlot = (machineId: string, slot: string, reason: string): Promise<Reply<Schemas["UnlockedView"]>> =>
    this.#ask("POST", `/api/v1/machines/${machineId}/slots/${slot}/unlock`, { reason });
  ways = (): Promise<Reply<Schemas["ChannelsView"]>> => this.#ask("GET", "/api/v1/payment-accounts");
  putWay = (channel: string, settings: Readonly<Record<string, Setting>>): Promise<Reply<WayToPay>> =>
    this.#ask("PUT", `/api/v1/payment-accounts/${channel}`, { settings });
  switchWay = (channel: string, move: "activate" | "deactivate"): Promise<Reply<WayToPay>> =>
    this.#ask("POST", `/api/v1/payment-accounts/${channel}/${move}`);
  tryWay = (channel: string): Promise<Reply<Tried>> =>
    this.#ask("POST", `/api/v1/payment-accounts/${channel}/try`, undefined, {}, TRY_WITHIN_MS);
  machineChannels = (id: string): Promise<Reply<Schemas["MachineChannelsView"]>> =>
    this.#ask("GET", `/api/v1/machines/${id}/channels`);
  offerAt = (id: string, channel: string, isOffered: boolean): Promise<Reply<Schemas["MachineChannelsView"]>> =>
    this.#ask("PUT", `/api/v1/machines/${id}/channels/${channel}`, { is_offered: isOffered });
  codes = (query: Query): Promise<Reply<Page<PickupCode>>> => this.#ask("GET", `/api/v1/codes${queryText(query)}`);
  issueCodes = (key: string, codes: NewCodes): Promise<Reply<Schemas["IssuedCodesView"]>> =>
    this.#ask("POST", "/api/v1/codes", codes, { "idempotency-key": key });
  withdrawCode = (id: string): Promise<Reply<PickupCode>> => this.#ask("POST", `/api/v1/codes/${id}/withdraw`);

  promotions = (): Promise<Reply<Promotion[]>> => this.#ask("GET", "/api/v1/promotions");
  promotionGoods = (): Promise<Reply<PromotionGoods>> => this.#ask("GET", "/api/v1/promotions/goods");
  createPromotion = (body: PromotionBody): Promise<Reply<Promotion>> => this.#ask("POST", "/api/v1/promotions", body);
  /** Refused when somebody else changed it since it was looked at. */
  changePromotion = ({ id, version }: Promotion, body: PromotionBody): Promise<Reply<Promotion>> =>
    this.#ask("PUT", `/api/v1/promotions/${id}`, { ...body, version });
  movePromotion = ({ id, version }: Promotion, move: "activate" | "end"): Promise<Reply<Promotion>> =>
    this.#ask("POST", `/api/v1/promotions/${id}/${move}`, { version });
  previewPromotion = (rule: Rule & { id: string }): Promise<Reply<Preview>> =>
    this.#ask("POST", "/api/v1/promotions/preview", rule);
  coupons = (promotion: string): Promise<Reply<CouponBatch[]>> => this.#ask("GET", `/api/v1/promotions/${promotion}/coupons`);
  issueCoupons = (key: string, promotion: string, coupons: NewCoupons): Promise<Reply<IssuedCoupons>> =>
    this.#ask("POST", `/api/v1/promotions/${promotion}/coupons`, coupons, { "idempotency-key": key });
  withdrawCoupons = ({ id, promotion_id }: CouponBatch): Promise<Reply<CouponBatch>> =>
    this.#ask("POST", `/api/v1/promotions/${promotion_id}/coupons/${id}/withdraw`);
  tryCart = (cart: CartTrial): Promise<Reply<TriedCart>> => this.#ask("POST", "/api/v1/promotions/try", cart);

  members = (query: Query): Promise<Reply<Page<Member>>> => this.#ask("GET", `/api/v1/members${queryText(query)}`);
  member = (id: string): Promise<Reply<Member>> => this.#ask("GET", `/api/v1/members/${id}`);
  addMember = (member: NewMember): Promise<Reply<MemberLink>> => this.#ask("POST", "/api/v1/members", member);
  payoutOutlook = (id: string): Promise<Reply<PayoutOutlook>> => this.#ask("GET", `/api/v1/members/${id}/payout`);
  askPayout = (id: string, wish: PayoutWish): Promise<Reply<WalletPayout>> =>
    this.#ask("POST", `/api/v1/members/${id}/payout`, wish);
  decidePayout = (id: string, move: "agree" | "decline"): Promise<Reply<WalletPayout>> =>
    this.#ask("POST", `/api/v1/wallet-payouts/${id}/${move}`);
  memberTiers = (): Promise<Reply<MemberTiers>> => this.#ask("GET", "/api/v1/member-tiers");
  setMemberTiers = (tiers: MemberTiers): Promise<Reply<MemberTiers>> => this.#ask("PUT", "/api/v1/member-tiers", tiers);
  giveTier = (id: string, tier: string): Promise<Reply<Member>> => this.#ask("PUT", `/api/v1/members/${id}/tier`, { tier });
  renewLink = (id: string): Promise<Reply<MemberLink>> => this.#ask("POST", `/api/v1/members/${id}/link`);
  moveMember = (id: string, move: "block" | "unblock"): Promise<Reply<Member>> =>
    this.#ask("POST", `/api/v1/members/${id}/${move}`);
  walletStatement = (id: string, query: Query): Promise<Reply<WalletStatement>> =>
    this.#ask("GET", `/api/v1/members/${id}/statement${queryText(query)}`);

  /** All machines, page after page; `has_more` stays true for a fleet larger than this page can hold. */
  machines = async (): Promise<Reply<Page<Machine>>> => {
    const data: Machine[] = [];
    let cursor: string | undefined;
    for (let pages = 0; pages < PAGES_MAX; pages += 1) {
      const path = `/api/v1/machines${queryText({ limit: LIMIT_MAX, cursor })}`;
      const reply = await this.#ask<Page<Machine>>("GET", path);
      if (reply.kind !== "ok") return reply;
      data.push(...reply.value.data);
      if (reply.value.next_cursor === null) return { kind: "ok", value: { data, next_cursor: null, has_more: false } };
      cursor = reply.value.next_cursor;
    }
    return { kind: "ok", value: { data, next_cursor: cursor ?? null, has_more: true } };
  };

  async #ask<Value>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}, withinMs = ANSWER_WITHIN_MS): Promise<Reply<Value>> {
    const init: RequestInit = { method, headers };
    if (body instanceof Blob) {
      init.headers = { ...headers, "content-type": body.type };
      init.body = body;
    } else if (body !== undefined) {
      init.headers = { ...headers, "content-type": "application/json" };
      init.body = JSON.stringify(body);
    }
    // Two files look alike as text, so a file is a wish of its own each time.
    const wish = `${path} ${init.body instanceof Blob ? this.newKey() : String(init.body ?? "")}`;
    if (method === "POST" && path !== SESSION) {
      const key = headers["idempotency-key"] ?? this.#unanswered.get(wish) ?? this.newKey();
      init.headers = { ...init.headers, "idempotency-key": key };
      this.#unanswered.set(wish, key);
    }
    const send = () => this.#answer<Value>(path, { ...init, signal: AbortSignal.timeout(withinMs) });
    let reply = await send();
    if (reply.kind === "refused" && reply.problem.code === "proof_required" && (await this.onProofWanted())) reply = await send();
    if (isAnswered(reply)) this.#unanswered.delete(wish);
    return reply;
  }

  async #answer<Value>(path: string, init: RequestInit): Promise<Reply<Value>> {
    let response: Response;
    try {
      response = await this.fetch(path, init);
      if (response.ok) return { kind: "ok", value: (response.status === 204 ? null : await response.json()) as Value };
    } catch {
      return { kind: "not_known" };
    }
    const reply = await refusal(response);
    if (reply.kind === "refused" && reply.problem.code === "not_signed_in" && path !== SESSION) this.onSignedOut();
    if (reply.kind === "refused" && reply.problem.code === "second_factor_missing") this.onFactorMissing();
    if (reply.kind === "refused" && reply.problem.code === "forbidden") this.onForbidden();
    return reply;
  }
}

/** A day's place, `channel/account/date`, as an address. */
function reconDayAt(place: string): string {
  return `/api/v1/reconciliation/days/${place.split("/").map(encodeURIComponent).join("/")}`;
}

/** Whether it is known what became of a wish: done, or refused and nothing changed. */
function isAnswered(reply: Reply<unknown>): boolean {
  if (reply.kind !== "refused") return reply.kind === "ok";
  return reply.problem.status < 500 && reply.problem.code !== "in_progress";
}

async function refusal(response: Response): Promise<Failure> {
  if (!(response.headers.get("content-type") ?? "").startsWith("application/problem+json")) return { kind: "not_known" };
  try {
    const problem = (await response.json()) as Problem;
    return typeof problem.code === "string" ? { kind: "refused", problem } : { kind: "not_known" };
  } catch {
    return { kind: "not_known" };
  }
}

/** 128 random bits; works on plain HTTP, too, where `crypto.randomUUID` does not. */
export function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** `{a: 1, b: undefined}` → `?a=1`; nothing at all → the empty text. */
export function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}
