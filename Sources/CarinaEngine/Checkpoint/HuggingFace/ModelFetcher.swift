import Synchronization

/// What fetches models that are not in the Hugging Face cache, where the user of this process wants that.
///
/// One for the whole process: ids stand in options, in configurations and in the files of models, and whoever meets one that
/// is not there looks here. The engine itself has no network.
public struct ModelFetcher: Sendable {
  /// Brings a model into the cache at a path, or throws what hinders it.
  let fetch: @Sendable (_ identifier: String, _ revision: String?, _ cache: String) throws -> Void

  /// A fetcher by a function: `ORG/NAME`, a revision (nil for the main branch), and the cache's directory.
  public init(_ fetch: @escaping @Sendable (_ identifier: String, _ revision: String?, _ cache: String) throws -> Void)
  {
    self.fetch = fetch
  }

  private static let chosen = Mutex<ModelFetcher?>(nil)

  /// The one in use; nil where nothing is fetched.
  static var current: ModelFetcher? { chosen.withLock { $0 } }

  /// Chooses the fetcher of this process.
  public static func use(_ fetcher: ModelFetcher) { chosen.withLock { $0 = fetcher } }
}
