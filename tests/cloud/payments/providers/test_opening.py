"""Opening an account: what is wrong with the settings is said at once, and never with a secret in the text."""

from __future__ import annotations

import pytest

from vendomat.cloud.payments.providers import CHANNELS, CallThreads, open_provider
from vendomat.kernel import ManualClock, VendomatError


@pytest.fixture
def settings_of(wechat_settings, alipay_settings, stripe_settings):
    return {"wechat": wechat_settings, "alipay": alipay_settings, "stripe": stripe_settings}


@pytest.mark.parametrize("channel", sorted(CHANNELS))
async def test_opens(channel, settings_of):
    provider = open_provider(channel, settings_of[channel], clock=ManualClock(), pool_size=1)
    assert provider.channel == channel
    assert provider.account in settings_of[channel].values()
    await provider.aclose()


@pytest.mark.parametrize("channel", ["", "WECHAT", "paypal"])
def test_an_unknown_channel(channel, wechat_settings):
    with pytest.raises(VendomatError, match="there are: alipay, stripe, wechat"):
        open_provider(channel, wechat_settings, clock=ManualClock())


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        *(("wechat", name) for name in ("mchid", "appid", "private_key", "serial_no", "apiv3_key")),
        *(("alipay", name) for name in ("app_id", "seller_id", "private_key", "alipay_public_key")),
        *(("stripe", name) for name in ("account", "secret_key", "webhook_secrets", "return_url")),
    ],
)
def test_a_missing_setting_is_named(channel, name, settings_of):
    settings = {key: value for key, value in settings_of[channel].items() if key != name}
    with pytest.raises(VendomatError, match=name):
        open_provider(channel, settings, clock=ManualClock())


@pytest.mark.parametrize("channel", sorted(CHANNELS))
def test_a_misspelt_setting_is_named(channel, settings_of):
    with pytest.raises(VendomatError, match="time_out_s"):
        open_provider(channel, settings_of[channel] | {"time_out_s": 3}, clock=ManualClock())


@pytest.mark.parametrize(
    ("channel", "name", "value"),
    [
        ("wechat", "private_key", "secret-words"),
        ("wechat", "public_key", "secret-words"),
        ("wechat", "public_key", ""),
        ("wechat", "apiv3_key", "secret-words"),
        ("wechat", "apiv3_key", 7),
        ("wechat", "platform_certificates", ["secret-words"]),
        ("wechat", "base_url", "http://api.mch.weixin.qq.com"),
        ("wechat", "base_url", "api.mch.weixin.qq.com"),
        ("wechat", "base_url", "https://host/?q=1"),
        ("alipay", "private_key", "secret-words"),
        ("alipay", "alipay_public_key", "secret-words"),
        ("alipay", "gateway_url", "http://openapi.alipay.com/gateway.do"),
        ("stripe", "secret_key", "pk_test_secret-words"),
        ("stripe", "secret_key", "sk_test_长"),
        ("stripe", "webhook_secrets", []),
        ("stripe", "webhook_secrets", [""]),
        ("stripe", "webhook_secrets", "secret-words"),
        ("stripe", "base_url", "http://api.stripe.com"),
    ],
)
def test_an_unusable_setting(channel, name, value, settings_of):
    with pytest.raises(VendomatError) as refusal:
        open_provider(channel, settings_of[channel] | {name: value}, clock=ManualClock())
    assert "secret-words" not in str(refusal.value)


async def test_bare_base64_keys_as_the_alipay_key_tool_writes_them(alipay_settings):
    bare = {
        name: "".join(alipay_settings[name].strip().splitlines()[1:-1]) for name in ("private_key", "alipay_public_key")
    }
    await open_provider("alipay", alipay_settings | bare, clock=ManualClock()).aclose()


@pytest.mark.parametrize("channel", sorted(CHANNELS))
def test_settings_do_not_show_their_keys(channel, settings_of):
    shape, _ = CHANNELS[channel]
    key = "secret_key" if channel == "stripe" else "private_key"
    assert settings_of[channel][key] not in repr(shape(**settings_of[channel]))


async def test_shared_threads_outlive_one_account(settings_of):
    threads = CallThreads(1)
    for channel, settings in settings_of.items():
        await open_provider(channel, settings, clock=ManualClock(), threads=threads).aclose()
    assert await threads.call(lambda: 7) == 7
    await threads.aclose()
