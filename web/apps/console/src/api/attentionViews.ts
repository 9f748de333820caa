/**
 * What the console calls the shapes of what needs attention, of the lives of alarms, and of who is told: aliases of types
 * made from the API's document.
 */
import type { Schemas } from "@vendomat/api";

export type Fix = Schemas["Remedy"];
export type Cause = Schemas["CauseView"];
/** `data` are the first of `count` causes, the dearest first; the loss is that of all of them. */
export type AttentionList = Schemas["AttentionView"];

export type AlarmEntry = Schemas["AlarmEntryView"];
export type AlarmTimeline = Schemas["TimelineView"];
export type Assignee = Schemas["AssigneeView"];

export type NoticeChannel = Schemas["NoticeChannelView"];
/** What is to be set of a channel; what is not named stays. The endpoint goes in and never comes out. */
export type ChannelWish = Partial<Schemas["NewChannelBody"] & { is_active: boolean }>;
export type AlarmRule = Schemas["AlarmRuleView"];
/** Minutes of the day by the merchant's clock; null: never quiet. */
export type QuietHours = Schemas["QuietView"];
