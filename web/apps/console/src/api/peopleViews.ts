/** What the cloud says of people, roles, invitations, sessions and the change log: aliases of types made from its document. */
import type { Schemas } from "@vendomat/api";

/** A ready role. */
export type RoleName = Schemas["Role"];
/** A ready role, or a custom one, which alone has a name and a version. */
export type RoleFile = Schemas["RoleView"];
export type RoleWords = Schemas["RoleBody"];

export type Person = Schemas["PersonView"];
export type PersonWords = Schemas["PersonBody"];
export type NewPerson = Schemas["NewPersonBody"];
/** `link` is shown once. */
export type Invitation = Schemas["InvitationView"];
export type Roles = Schemas["RolesView"];
export type Invited = Schemas["InvitedView"];
export type StandingSession = Schemas["StandingSessionView"];

export type Passkey = Schemas["PasskeyView"];
/** What the browser is to be asked, and what it answers: its own JSON. */
export type BrowserWish = Schemas["OptionsView"];
export type Credential = Schemas["CredentialBody"]["credential"];
/** `proven_until` is null when a proof is needed first. */
export type Proof = Schemas["ProofView"];

/** One of a person's browsers that are told of alarms. */
export type Browser = Schemas["BrowserView"];
export type BrowserWords = Pick<Schemas["BrowserBody"], "language"> & { min_severity: Browser["min_severity"] };

export type Change = Schemas["ChangeView"];
export type Seal = Schemas["SealView"];
/** `provider` is null while none is set. */
export type ProviderStanding = Schemas["ProviderView"];
export type ProviderWish = Schemas["ProviderBody"];
/** `provider` is the merchant's; `linked_at` is null without a link. */
export type Identity = Schemas["IdentityView"];
/** `since` is null while no phone counts. */
export type SecondFactor = Schemas["SecondFactorView"];
export type Enrolment = Schemas["EnrolmentView"];

/** Filters of a list that somebody keeps by a name; `query` as in the address. */
export type SavedView = Schemas["SavedViewView"];
export type ViewPage = Schemas["ViewPage"];
