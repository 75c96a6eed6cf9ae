import CarinaRuntime
import Foundation

/// What the environment says of the hub: the variables of `huggingface_hub`.
public struct HubSettings: Sendable {
  /// The address of the hub, without a slash at its end (`HF_ENDPOINT`).
  package let endpoint: String
  /// What says who asks; nil for nobody (`HF_TOKEN`, or the file that `hf auth login` writes).
  package let token: String?
  /// The variable that forbids to ask the network; nil where none does (`HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`).
  package let offline: String?
  /// A file of certificates to trust; nil for the system's (`SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`).
  package let certificates: String?

  /// Reads the environment, and the token's file.
  /// - Throws: `CarinaError.usage` for an address that is none, and a token that cannot be sent.
  public init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
    func value(_ names: String...) -> (name: String, text: String)? {
      for name in names {
        let text = (environment[name] ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
        if !text.isEmpty { return (name, text) }
      }
      return nil
    }
    var endpoint = value("HF_ENDPOINT")?.text ?? "https://huggingface.co"
    while endpoint.hasSuffix("/") { endpoint.removeLast() }
    guard HubAddress(endpoint) != nil else {
      throw CarinaError(
        .usage, "HF_ENDPOINT is no address", expected: "https://HOST, perhaps with a port and a path", found: endpoint)
    }
    self.endpoint = endpoint
    offline = value("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE").flatMap { name, text in
      ["1", "ON", "YES", "TRUE"].contains(text.uppercased()) ? name : nil
    }
    certificates = value("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")?.text
    var token = value("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")?.text
    if token == nil, let path = HuggingFaceHome(environment: environment).tokenFile,
      let data = try? ReadableFile.read(path, limit: .line)
    {
      token = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
    guard token?.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) != false else {
      throw CarinaError(
        .usage, "the token for the hub has characters that no token has",
        remedy: "Check HF_TOKEN, or log in again: hf auth login.")
    }
    self.token = token?.isEmpty == true ? nil : token
  }
}
