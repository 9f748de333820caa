/** The console's words in both languages. A switch changes the words and nothing else. */
import { Translator } from "@vendomat/ui";
import en from "./messages/en.json";
import zh from "./messages/zh-CN.json";

export type MessageKey = keyof typeof zh;

export const i18n = new Translator<MessageKey>({ "zh-CN": zh, en });
export const t = i18n.t;
