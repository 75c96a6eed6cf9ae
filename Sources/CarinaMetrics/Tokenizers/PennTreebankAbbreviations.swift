/// The words that keep their period, found by feeding the reference tokenizer every word of up to four letters and the
/// longer abbreviations of English print.
enum PennTreebankAbbreviations {
  /// In any letter case.
  static let always = words(
    """
    adj adm adv al ala alex apr ariz assn assoc asst atty attys aug ave bancorp bhd bldg blvd brig bros calif capt cf cie
    cmdr co col colo comdr conn corp cos cpl ct dak dec dept det dr drs elec ens esq est etc ext feb fla fri ft ga gen gov
    govs hon inc ind insp intl invt jan jos jr jul jun kan kans ky lieut lt ltd maj mar md messrs mfg mich minn mlle mme
    mo mon mont mr mrs ms msgr mt mtg natl neb nev nov oct okla penn pfc ph plc ppte ppty pres prof profs pte ptes pty
    ptys pvt rd rep reps rev rt sen sens sep sept seq sfc sgt spc sq sr st ste supt supts sys tel tenn thu thurs tue tues
    univ va vs vt wed wis wisc wm wyo
    """)

  /// Only with a capital, or all in capitals.
  static let capitalized = words(
    """
    Ark Az Del Ill La Mass Miss Ore Pa Tex Wash ARK AZ DEL ILL LA MASS MISS ORE PA TEX WASH
    """)

  /// In any letter case, where a number follows directly or after one space.
  static let beforeNumber = words("no nos fig figs pp art ca prop op")

  /// After one of these a single letter or initials end the sentence, and the period of a single letter stands alone.
  static let sentenceStarts = words(
    """
    About According Additionally After An A As At But Earlier He Her Here However If In It Last Many More Now Once One
    Other Our She Since So Some Such That The Their Then There These They This We What When While Yet You
    """)

  private static func words(_ list: String) -> Set<String> {
    Set(list.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init))
  }
}
