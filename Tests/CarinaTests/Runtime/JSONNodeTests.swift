import Testing

import Carina

@Suite("Paths in JSON") struct JSONNodeTests {
  @Test("values are read by path, and an error names file, path, what was expected and what was found")
  func reading() throws {
    let root = JSONNode(try .parse(#"{"a": {"b": 3, "c": null}, "list": [1]}"#, source: "x"), source: "x.json")
    #expect(try root["a"]["b"].count() == 3 && root["a"]["b"].number() == 3)
    #expect(root["a"]["c"].optional == nil && root["a"]["d"].optional == nil)
    #expect(try root["a"].entries().keys.sorted() == ["b", "c"] && root["a"]["c"].entries().isEmpty)
    for (node, found) in [(root["a"]["b"], "3"), (root["a"]["d"], "nothing"), (root["list"], "[1]")] {
      let error = try #require(thrownCarinaError { try node.text() })
      #expect(error.kind == .badData && error.location == "x.json" && error.expected == "a text")
      #expect(error.found == found && error.what == "\"\(node.path)\" is missing or cannot be used")
    }
    let results = JSONNode(root.value, source: "y", wording: .results)
    let error = try #require(thrownCarinaError { try results["a"]["b"].text() })
    #expect(error.what == "the key \"a/b\" is not as it should be" && error.found == "an integer")
    #expect(thrownCarinaError { try root["a"]["b"].count(from: 4) }?.expected == "a whole number from 4")
    #expect(thrownCarinaError { try root["a"]["b"].count(in: 0...2) }?.expected == "a whole number from 0 to 2")
    // What can be done about a kind of file stays with every path in it.
    let own = JSONNode(root.value, source: "z", remedy: "Make it again.")
    #expect(thrownCarinaError { try own["a"]["c"].text() }?.remedy == "Make it again.")
    #expect(thrownCarinaError { try own["x"].orEmpty["y"].text() }?.remedy == "Make it again.")
    let element = try #require(thrownCarinaError { try own["list"].elements().forEach { _ = try $0.text() } })
    #expect(element.what == "\"list.0\" is missing or cannot be used" && element.remedy == "Make it again.")
  }
}
