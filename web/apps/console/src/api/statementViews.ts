/** What the cloud says of statements and of site owners: aliases of types made from its document. */
import type { Schemas } from "@vendomat/api";

export type Standing = Schemas["Standing"];
export type Periods = Schemas["PeriodsView"];
export type AccountLine = Schemas["AccountLineView"];
export type Figures = Schemas["FiguresView"];
export type SalesLine = Schemas["SalesView"];
/** A day or a month of the merchant's books. */
export type Statement = Schemas["StatementView"];
export type StatementRow = Schemas["RowView"];

export type Site = Schemas["SiteView"];
export type Terms = Omit<Schemas["RuleView"], "first_day">;
/** A site as it is changed: its address, and seven days of opening hours, or none when it is always open. */
export type SitePlace = Schemas["PlaceBody"];
export type Opening = Schemas["OpeningBody"];
export type Arrangement = Schemas["ArrangementView"];
export type IssuedStatement = Schemas["IssuedView"];
export type Payout = Schemas["SitePayoutView"];
export type SiteAccount = Schemas["SiteAccountView"];
export type SiteStatement = Schemas["SiteStatementView"];
export type Verified = Schemas["VerifiedView"];
