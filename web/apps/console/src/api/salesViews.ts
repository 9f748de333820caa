/** What the cloud says of sales: aliases of types made from its document. Days and hours are the merchant's own. */
import type { Schemas } from "@vendomat/api";

export type By = Schemas["By"];
export type Amounts = Omit<Schemas["SalesTotalView"], "currency">;
export type SalesRow = Schemas["SalesRowView"];
export type SalesFigures = Schemas["SalesFiguresView"];
export type SoldUnit = Schemas["SoldUnitView"];
export type Band = Schemas["BandView"];
export type RefundTimes = Schemas["RefundTimesView"];
export type Formula = Schemas["FormulaView"];

export type ClosedLine = Schemas["ClosedLineView"];
export type Months = Schemas["MonthsView"];
export type ClosedMonth = Schemas["ClosedMonthView"];
export type ProductRanking = Schemas["ProductRankingView"];
export type RankedProduct = Schemas["RankedProductView"];

export type MarginBy = Schemas["MarginBy"];
export type Margins = Schemas["MarginsView"];
export type MarginRow = Schemas["MarginRowView"];
