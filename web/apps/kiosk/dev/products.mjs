/** Products of the fixture server: one per drawing, in slots A1 to D4. */

const GOODS = [
  ["can", "柠檬汽水", "Lemon soda", "330 ml · 139 kcal", "drinks", 350],
  ["cola", "可乐", "Cola", "330 ml · 142 kcal", "drinks", 350],
  ["energy", "能量饮料", "Energy drink", "250 ml · 含咖啡因", "drinks", 650],
  ["water", "天然矿泉水", "Spring water", "550 ml", "water", 200],
  ["tea", "乌龙茶", "Oolong tea", "500 ml · 无糖", "tea", 450],
  ["bottle", "电解质水", "Electrolyte water", "500 ml", "drinks", 500],
  ["juice", "鲜橙汁", "Orange juice", "250 ml · 110 kcal", "drinks", 550],
  ["milk", "纯牛奶", "Whole milk", "250 ml · 含牛奶", "dairy", 480],
  ["yoghurt", "原味酸奶", "Plain yoghurt", "150 g · 含牛奶", "dairy", 680],
  ["coffee", "拿铁咖啡", "Caffè latte", "240 ml · 含牛奶", "coffee", 1200],
  ["noodles", "红烧牛肉面", "Beef noodles", "105 g · 含小麦", "meals", 580],
  ["snack", "原味薯片", "Potato crisps", "75 g · 398 kcal", "snacks", 750],
  ["nuts", "每日坚果", "Mixed nuts", "50 g · 含坚果", "snacks", 990],
  ["chocolate", "黑巧克力", "Dark chocolate", "40 g · 含大豆", "sweets", 880],
  ["biscuits", "全麦饼干", "Wholemeal biscuits", "80 g · 含小麦", "snacks", 620],
  ["gum", "薄荷口香糖", "Mint gum", "27 g", "sweets", 300],
];

export function products(count) {
  return GOODS.slice(0, count).map(([file, zh, en, detail, category, price], index) => ({
    slot: `${"ABCDEF"[Math.floor(index / 4)]}${(index % 4) + 1}`,
    product_id: `prd_${file}`,
    name: { zh, en },
    detail: { zh: detail, en: detail.replace("无糖", "no sugar").replace("含牛奶", "contains milk").replace("含小麦", "contains wheat").replace("含坚果", "contains nuts").replace("含大豆", "contains soy").replace("含咖啡因", "caffeine") },
    category,
    price_minor: price,
    offer: null,
    currency: "CNY",
    image: `/media/${file}.svg`,
    available: index === 6 ? 0 : 5,
    state: index === 6 ? "sold_out" : index === 10 ? "closed" : "ok",
  }));
}
