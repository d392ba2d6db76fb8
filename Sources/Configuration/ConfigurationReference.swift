extension RunConfiguration {
  /// Every key with its meaning, bound and default as a page: the file `docs/configuration.md`.
  public static var referenceMarkdown: String { ConfigurationReference.page }
}

/// Lays out as a page what the schema knows.
private enum ConfigurationReference {
  static var page: String {
    let sections = ComparisonSchema.sections.map { section in
      "## \(section.path)\n\n\(section.documentation)\n\n" + rows(of: section.path)
    }
    return ([introduction] + sections + [notSupportedYet, otherNames, inapplicable])
      .joined(separator: "\n")
  }

  private static let introduction = """
    # Configuration

    <!-- Generated from the schema; a test compares, and CONTRIBUTING.md says how to renew it. -->

    Every key that a configuration file may set, with its bound, default and meaning. The same as a YAML file is [configs/reference.yaml](../configs/reference.yaml).

    Three keys have no default: `model.path`, `data.train` and `training.output_dir`; in a [comparison](compare.md), the only configuration with a section `compare`, `compare.questions` is the fourth. Everything else may be left out. `--set key=value` replaces a key for one run, and the run folder's `config.yaml` holds every key with the value used:

    ```sh
    lorikeet train configs/support.yaml --set training.learning_rate=1e-4
    ```

    A key that is unknown, has the wrong type or is out of range ends the command with one sentence: file, line, key, bound, and the nearest key that there is.

    """

  private static func rows(of section: String) -> String {
    rows(
      ["key", "value", "default", "meaning"],
      ComparisonSchema.keys.filter { $0.section == section }.map { key in
        [
          "`\(key.name)`", key.expectation, key.defaultText.map { "`\($0)`" } ?? "required",
          key.documentation,
        ]
      })
  }

  private static var notSupportedYet: String {
    "## Not supported yet\n\nThese keys exist under their usual names, and a value that would need them is refused.\n\n"
      + rows(["key", "until then"], UnsupportedFeature.all.map { ["`\($0.key)`", $0.remedy] })
  }

  private static var otherNames: String {
    "## Names from elsewhere\n\nWhoever writes one of the names on the left is told the one on the right. It is not read in its place.\n\n"
      + rows(
        ["elsewhere", "here"],
        ComparisonSchema.keys.filter { !$0.otherNames.isEmpty }.map { key in
          [key.otherNames.map { "`\($0)`" }.joined(separator: ", "), "`\(key.path)`"]
        })
  }

  private static var inapplicable: String {
    "## Keys that mean nothing here\n\nWell-known keys of other tools that are refused, and what Lorikeet does in their place.\n\n"
      + rows(
        ["keys", "instead"],
        InapplicableKeys.groups.map { group in
          [group.names.map { "`\($0)`" }.joined(separator: ", "), group.explanation]
        })
  }

  /// A table; a bar within a cell would end it.
  private static func rows(_ head: [String], _ rows: [[String]]) -> String {
    func line(_ cells: [String]) -> String {
      "| \(cells.map { $0.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|") }.joined(separator: " | ")) |\n"
    }
    return line(head) + line(head.map { _ in "---" }) + rows.map(line).joined()
  }
}
