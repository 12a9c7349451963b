/** Words of addresses. Source: glossary, ADDRESS_RENAME_WORD_MAP, as it stands there (`bouled` included). */
export const addressWords: ReadonlyMap<string, string> = new Map([
  ...([
    ["avenue", "ave"],
    ["bouled", "blvd"],
    ["circle", "cir"],
    ["circles", "cirs"],
    ["court", "ct"],
  ] as const),
  ...([
    ["centre", "ctr"],
    ["center", "ctr"],
    ["drive", "dr"],
    ["freeway", "fwy"],
    ["frwy", "fwy"],
  ] as const),
  ...([
    ["highway", "hwy"],
    ["lane", "ln"],
    ["parks", "park"],
    ["parkways", "pkwy"],
    ["pky", "pkwy"],
  ] as const),
  ...([
    ["pkway", "pkwy"],
    ["pkwys", "pkwy"],
    ["parkway", "pkwy"],
    ["parkwy", "pkwy"],
    ["place", "pl"],
  ] as const),
  ...([
    ["plaza", "plz"],
    ["plza", "plz"],
    ["road", "rd"],
    ["square", "sq"],
    ["squ", "sq"],
    ["sqr", "sq"],
  ] as const),
  ...([
    ["street", "st"],
    ["str", "st"],
    ["str.", "strasse"],
  ] as const),
]);

/** Source: glossary, ADDRESS_RENAME_DELIMITER_MAP. */
export const delimiters: ReadonlyMap<string, string> = new Map([
  ...([",", ".", "[", "]", "/", "-"].map((mark) => [mark, " "]) as [string, string][]),
  ["#", " number "],
]);

/** Source: glossary, ADDRESS_RENAME_DIRECTION_MAP. */
export const directions: ReadonlyMap<string, string> = new Map([
  ...([
    ["east", "e"],
    ["north", "n"],
    ["south", "s"],
    ["west", "w"],
  ] as const),
  ...([
    ["northeast", "ne"],
    ["northwest", "nw"],
    ["southeast", "se"],
    ["southwest", "sw"],
  ] as const),
]);

/** Source: glossary, ADDRESS_RENAME_NUMBER_MAP. */
export const numberWords: ReadonlyMap<string, string> = new Map(
  ["número", "numero", "no", "núm", "num"].map((word) => [word, "number"]),
);

/** Source: glossary, ADDRESS_RENAME_SPECIAL_CHAR_MAP. */
export const specialCharacters: ReadonlyMap<string, string> = new Map([
  ...([
    ["ß", "ss"],
    ["ä", "ae"],
    ["ö", "oe"],
    ["ü", "ue"],
    ["ø", "o"],
    ["æ", "ae"],
  ] as const),
]);

/** Calling codes by country. The glossary names the map and does not show it; these are the sample library's countries. */
export const phonePrefixes: ReadonlyMap<string, string> = new Map([
  ...([
    ["us", "1"],
    ["ca", "1"],
    ["mx", "52"],
    ["gb", "44"],
    ["fr", "33"],
    ["de", "49"],
    ["it", "39"],
  ] as const),
  ...([
    ["es", "34"],
    ["nl", "31"],
    ["in", "91"],
    ["jp", "81"],
    ["au", "61"],
    ["sa", "966"],
    ["ae", "971"],
  ] as const),
  ...([
    ["tr", "90"],
    ["se", "46"],
    ["be", "32"],
    ["pl", "48"],
    ["sg", "65"],
  ] as const),
]);

/** Names of the same countries, as the sample library reduces them to codes. */
export const countryCodes: ReadonlyMap<string, string> = new Map([
  ...([
    ["canada", "ca"],
    ["france", "fr"],
    ["germany", "de"],
    ["greatbritain", "gb"],
  ] as const),
  ...([
    ["unitedkingdom", "gb"],
    ["italy", "it"],
    ["spain", "es"],
    ["unitedstates", "us"],
  ] as const),
  ...([
    ["unitedstatesofamerica", "us"],
    ["mexico", "mx"],
    ["netherlands", "nl"],
    ["india", "in"],
  ] as const),
  ...([
    ["japan", "jp"],
    ["australia", "au"],
    ["saudiarabia", "sa"],
    ["unitedarabemirates", "ae"],
  ] as const),
  ...([
    ["turkey", "tr"],
    ["sweden", "se"],
    ["belgium", "be"],
    ["poland", "pl"],
    ["singapore", "sg"],
  ] as const),
]);

/** States of the USA by name. The sample library maps those of six more countries, with codes that collide; ours does not. */
export const stateCodes: ReadonlyMap<string, string> = new Map(
  (
    "alabama al,alaska ak,arizona az,arkansas ar,california ca,colorado co,connecticut ct,delaware de,florida fl," +
    "georgia ga,hawaii hi,idaho id,illinois il,indiana in,iowa ia,kansas ks,kentucky ky,louisiana la,maine me," +
    "maryland md,massachusetts ma,michigan mi,minnesota mn,mississippi ms,missouri mo,montana mt,nebraska ne," +
    "nevada nv,newhampshire nh,newjersey nj,newmexico nm,newyork ny,northcarolina nc,northdakota nd,ohio oh," +
    "oklahoma ok,oregon or,pennsylvania pa,puertorico pr,rhodeisland ri,southcarolina sc,southdakota sd," +
    "tennessee tn,texas tx,utah ut,vermont vt,virginia va,washington wa,westvirginia wv,wisconsin wi,wyoming wy"
  )
    .split(",")
    .map((pair) => pair.split(" ") as [string, string]),
);
