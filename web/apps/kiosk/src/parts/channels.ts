/** The name of a way to pay, in the buyer's language. */
import { i18n } from "../i18n";

export function channelName(channel: string): string {
  return i18n.forCode("channel", channel, "channel.other");
}
