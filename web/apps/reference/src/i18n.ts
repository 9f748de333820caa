/** The words around the document, in the browser's language if it is one of ours. The document itself is English. */
import { Translator } from "@vendomat/ui";
import en from "./messages/en.json";
import zh from "./messages/zh-CN.json";

export type MessageKey = keyof typeof zh;

const isChinese = (navigator.languages ?? [navigator.language]).some((name) => name.startsWith("zh"));

export const i18n = new Translator<MessageKey>({ "zh-CN": zh, en }, isChinese ? "zh-CN" : "en");
export const t = i18n.t;
