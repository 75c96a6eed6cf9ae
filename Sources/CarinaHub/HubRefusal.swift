import CarinaRuntime

/// What a hub's refusal means. The hub answers 401 for repositories that do not exist too, so that nobody can find out
/// which private ones do; `X-Error-Code` tells them apart.
enum HubRefusal {
  /// The error for an answer.
  /// - Parameters:
  ///   - model: `ORG/NAME`, and its revision.
  ///   - file: what was asked for; nil for the list of files.
  static func error(
    _ reply: HubConnection.Reply, _ settings: HubSettings, model: String, revision: String, file: String? = nil
  ) -> CarinaError {
    let code = reply.headers["x-error-code"] ?? "", said = reply.headers["x-error-message"] ?? ""
    let page = "\(settings.endpoint)/\(model)", answered = "the hub answered \(reply.status)"
    func missing(_ what: String, remedy: String, expected: String? = nil) -> CarinaError {
      CarinaError(
        .missingInput, what, at: model, expected: expected,
        found: said.isEmpty ? answered : "\(answered): \(said)", remedy: remedy)
    }
    let login = settings.token == nil ? "Set HF_TOKEN to a token of yours, or log in: hf auth login." : nil
    switch (reply.status, code) {
    case (_, "GatedRepo"):
      return missing(
        "the model is gated: its owner gives it to those who accept the conditions",
        remedy: "Accept them at \(page), then: "
          + (login ?? "see that the token in use is of that account, and may read gated repositories."))
    case (_, "RevisionNotFound"):
      return missing(
        "the model has no revision \(revision)", remedy: "See its branches and tags at \(page)/tree/main.")
    case (_, "EntryNotFound"):
      return missing(
        "the model has no file \(file ?? "of this name")", remedy: "See its files at \(page)/tree/\(revision).")
    case (403, _) where said.contains("disabled"):
      return missing("the hub has disabled the model", remedy: "See \(page).")
    case (401, _) where said.contains("Invalid credentials"):
      return missing("the token is not valid", remedy: "Make a new one, set HF_TOKEN or log in again: hf auth login.")
    case (_, "RepoNotFound"), (401, _), (404, _):
      return missing(
        "there is no such model, or it is private and the token does not see it",
        remedy: "Check the name at \(page). \(login ?? "See that the token in use may read it.")", expected: page)
    case (403, _):
      return missing("the hub refuses the model", remedy: login ?? "See that the token in use may read it: \(page).")
    case (400, _):
      return missing(
        "the hub refuses the request",
        remedy:
          "Check the name (ORG/NAME) and the revision \(revision). Where HF_ENDPOINT is set, check that it is the "
          + "address of a hub: \(settings.endpoint).")
    case (416, _):
      let folder = "models--\(model.replacingOccurrences(of: "/", with: "--"))"
      return missing(
        "the hub has fewer bytes of \(file ?? "the file") than are in the cache already",
        remedy: "Remove what ends in .incomplete from \(folder)/blobs in the cache, and give the same command again.")
    default: return missing("the hub refuses the request", remedy: "Try again later, or see \(page).")
    }
  }
}
