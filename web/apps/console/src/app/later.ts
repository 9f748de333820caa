/** Pages that come when they are opened: a console is opened for Today, machines, orders and alarms, and those are there at once. */
import type { Component } from "svelte";
import type { Console } from "./console.svelte";
import type { Place } from "./router.svelte";

/** Those of one thing are told which, by its id. */
type Coming = () => Promise<{ default: Component<{ office: Console; id: string }> }>;

export const LATER: Partial<Record<Place["page"], Coming>> = {
  account: () => import("../account/AccountPage.svelte"),
  audit: () => import("../audit/AuditPage.svelte"),
  claims: () => import("../claims/ClaimsPage.svelte"),
  codes: () => import("../codes/CodesPage.svelte"),
  doubts: () => import("../doubts/DoubtsPage.svelte"),
  margins: () => import("../margins/MarginsPage.svelte"),
  member: () => import("../members/MemberPage.svelte"),
  members: () => import("../members/MembersPage.svelte"),
  models: () => import("../models/ModelsPage.svelte"),
  months: () => import("../months/MonthsPage.svelte"),
  notifications: () => import("../notifications/NotificationsPage.svelte"),
  own: () => import("../own/OwnPage.svelte"),
  people: () => import("../people/PeoplePage.svelte"),
  planogram: () => import("../planograms/PlanogramPage.svelte"),
  planograms: () => import("../planograms/PlanogramsPage.svelte"),
  product: () => import("../goods/ProductPage.svelte"),
  products: () => import("../goods/ProductsPage.svelte"),
  promotions: () => import("../promotions/PromotionsPage.svelte"),
  ranking: () => import("../products/RankingPage.svelte"),
  reconciliation: () => import("../reconciliation/ReconciliationPage.svelte"),
  sales: () => import("../sales/SalesPage.svelte"),
  settlement: () => import("../settlement/SettlementPage.svelte"),
  sites: () => import("../sites/SitesPage.svelte"),
  statements: () => import("../statements/StatementsPage.svelte"),
  ways: () => import("../ways/WaysPage.svelte"),
};
