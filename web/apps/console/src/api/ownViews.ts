/** What the cloud tells a site's owner: aliases of types made from its document. */
import type { Schemas } from "@vendomat/api";

export type OwnSites = Schemas["OwnSitesView"];
export type OwnSite = Schemas["OwnSiteView"];
export type OwnSiteDetail = Schemas["OwnSiteDetailView"];
export type OwnMachine = Schemas["OwnMachineView"];
export type OwnSales = Schemas["OwnSalesView"];
export type OwnSalesRow = Schemas["OwnSalesRowView"];
