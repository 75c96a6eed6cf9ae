/// Where the Hugging Face libraries keep things, as `huggingface_hub` finds it.
package struct HuggingFaceHome {
  /// The cache of models; nil where the environment points nowhere.
  package let cache: String?
  /// The file with the user's token, whether it is there or not.
  package let tokenFile: String?

  /// What the environment points to.
  package init(environment: [String: String]) {
    // As that library does, `~` and `$NAME` stand for what a shell would put there.
    func value(_ name: String) -> String? {
      guard let text = environment[name], !text.isEmpty else { return nil }
      return HuggingFaceHome.expanded(text, environment)
    }
    let home =
      value("HF_HOME") ?? value("XDG_CACHE_HOME").map { "\($0)/huggingface" }
      ?? value("HOME").map { "\($0)/.cache/huggingface" }
    cache = value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE") ?? home.map { "\($0)/hub" }
    tokenFile = value("HF_TOKEN_PATH") ?? home.map { "\($0)/token" }
  }

  private static func expanded(_ text: String, _ environment: [String: String]) -> String {
    var path = text
    if path == "~" || path.hasPrefix("~/"), let home = environment["HOME"] { path = home + path.dropFirst() }
    return path.replacing(/\$(?:\{(?<braced>\w+)\}|(?<plain>\w+))/) { match in
      environment[String(match.braced ?? match.plain ?? "")] ?? String(match.0)
    }
  }
}
