"""How each figure is made, in words, under a number that every answer carries. Facts only; a formula that changes gets
a new number, so that an old export keeps its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Formula:
    """`en` and `zh` say how the figure is made and what it leaves out."""

    id: str
    figure: str
    en: str
    zh: str


FORMULAS = (
    Formula(
        "S1",
        "units_sold",
        "Units whose last word is delivered, of orders that were paid, in the hour in which the order was made.",
        "已付款订单中结果为“已出货”的件数，计入下单的那个小时。",
    ),
    Formula(
        "S2",
        "units_failed",
        "Units of paid orders that provably did not come out.",
        "已付款订单中确定没有出货的件数。",
    ),
    Formula(
        "S3",
        "units_unknown",
        "Units of paid orders that were declared unknown at their deadline; their money goes back.",
        "已付款订单中到期仍无法确定是否出货的件数；款项退回买家。",
    ),
    Formula(
        "S4",
        "units_lost",
        "Of the failed and unknown units, those found out later to have come out although their money went back.",
        "失败或未知的件数中，事后查明已经出货、而款项已退回的件数。",
    ),
    Formula(
        "S5",
        "gross_minor",
        "Sum of the prices of sold units. A pickup code counts with the price of its goods.",
        "已售件数的售价之和。取货码按商品售价计。",
    ),
    Formula(
        "S6",
        "refunded_minor",
        "What really went back of the payments that paid these orders, by whatever way, in the hour of the order.",
        "为这些订单付款的款项中实际退回的金额（不论何种方式），计入下单的那个小时。",
    ),
    Formula(
        "S7",
        "success",
        "Sold units divided by sold, failed and unknown units. Not known where there was none.",
        "已售件数 ÷（已售 + 失败 + 未知）。没有出货时为未知。",
    ),
    Formula(
        "S8",
        "band",
        "Quartiles (type 7) of the same hour on up to eight earlier days of the same weekday since the first sale; "
        "at least three such days.",
        "自首笔销售起、最多八个之前同一星期几的同一小时的四分位数（第 7 类插值）；至少需要三天。",
    ),
    Formula(
        "S9",
        "refund_time",
        "Median and 95th percentile of the time from asking a refund until it went back, of refunds that went back "
        "in the period.",
        "期间内成功退回的退款，从申请到退回所用时间的中位数和第 95 百分位数。",
    ),
    Formula(
        "S10",
        "rate",
        "Units sold per day in which the product stood in stock in a machine that could sell, drawn towards the "
        "merchant's other products: the mean of a Gamma distribution, its prior found by moments from all products "
        "(empirical Bayes), its sales taken as Poisson. Only whole hours in which slots were looked at count.",
        "商品有货且机器可售时，平均每天售出的件数，并向本商户其他商品靠拢：先验由全部商品按矩估计得到（经验贝叶斯），"
        "销量视为泊松分布，取伽马后验的均值。只计算观察到货道状态的整点小时。",
    ),
    Formula(
        "S11",
        "bottom",
        "Share of 2,000 worlds, drawn from those distributions with a fixed seed, in which the product is among the "
        "lowest quarter of all products. From four products on.",
        "按上述分布以固定种子抽取 2000 个世界，该商品处于最低四分之一的比例。至少四个商品。",
    ),
    Formula(
        "S12",
        "lost_minor",
        "Days in which its slots were empty, closed, or their machine away, times the rate, times the list price. "
        "Every hour counts alike, and buyers who took something else are not taken off: rather an upper estimate.",
        "货道缺货、关闭或机器离线的天数 × 日销率 × 标价。各小时同等计算，未扣除改买其他商品的顾客：偏高的估计。",
    ),
    Formula(
        "S13",
        "availability",
        "Time in which slots could sell, divided by the time in which they were looked at.",
        "货道可售的时间 ÷ 观察到的时间。",
    ),
    Formula(
        "S14",
        "cost_minor",
        "Units that came out (sold, or lost: S1, S4), each at the cost of its product on the day of its order. Units "
        "of products without a cost on that day are left out, and counted beside it.",
        "出货的件数（已售与损失：S1、S4）× 下单当天该商品的成本。当天没有成本的商品不计入，另行列出。",
    ),
    Formula(
        "S15",
        "fee_minor",
        "The fees of the platforms' bills of these months, shared by what was sold (S5). Days whose bill is not there "
        "yet are not guessed: the part that is known is said.",
        "这些月份平台账单上的手续费，按销售额（S5）分摊。账单未到的日子不作估计，并注明已知部分。",
    ),
    Formula(
        "S16",
        "margin_minor",
        "What was sold with a known cost (S5), less cost (S14) and fees (S15). Goodwill, rent and taxes are not taken "
        "off.",
        "有成本的销售额（S5）− 成本（S14）− 手续费（S15）。未扣除善意退款、场地租金和税。",
    ),
)
BY_FIGURE = {formula.figure: formula.id for formula in FORMULAS}
