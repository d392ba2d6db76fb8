import CausalLM
import Comparison
import Configuration
import Datasets
import Inference
import LoRA
import ModelFiles
import Retrieval
import Scoring
import Tokenization
import Training

/// The tool's exit codes.
enum ExitCode {
  /// Each code with what it means, for the manual.
  static let meanings: [(code: Int32, meaning: String)] = [
    (0, "done"),
    (1, "failed"),
    (64, "the command line or the configuration is wrong"),
    (65, "data or a model file is wrong"),
    (66, "an input is missing"),
    (74, "something could not be read or written, such as on a full disk"),
    (130, "stopped by Ctrl-C, after a checkpoint was saved"),
  ]

  static func of(_ error: any Error) -> Int32 {
    switch error {
    case is UsageError: 64
    case let error as ConfigurationError:
      switch error {
      case .missingFile: 66
      case .unreadableFile: 74
      default: 64
      }
    case let error as ModelFileError: error.exitCode
    case let error as TrainingError:
      switch error {
      case .outputExists, .resumeMismatch, .exceedsMemory: 64
      case .nothingToResume: 66
      case .noExamples, .damagedCheckpoint: 65
      case .notFinite, .inUse: 1
      case .cannotLock: 74
      }
    case let error as LoRAError:
      switch error {
      case .targetMatchesNothing, .nothingTargeted, .headIsNotAdaptable, .badPattern, .noSuchBlock,
        .notAdditive, .lapackMissing, .rankBeyondWeight, .notCombinable:
        64
      case .missingFile: 66
      default: 65
      }
    case let error as ModelError:
      if case .tooLarge = error { 1 } else { 65 }
    case let error as DatasetError: datasetCode(error)
    case let error as DatasetSplitError:
      if case .badShares = error { 64 } else { 65 }
    case is DatasetConversion.Inexpressible, is LabelError: 65
    case let error as ComparisonError:
      switch error {
      case .badQuestion, .sameQuestion, .damagedAnswers: 65
      case .tooFewExamples, .promptTooLong, .noPassageFits, .notAComparison, .changed: 64
      }
    case let error as ScoringError:
      switch error {
      case .badKnownCall: 65
      case .notApplicable: 64
      case .commandNotStarted, .commandFailed, .commandLines, .commandValue, .nothingInCommon: 1
      }
    case let error as RetrievalError:
      switch error {
      case .missing: 66
      case .system, .busy: 74
      case .otherEncoder, .noVectors: 64
      case .nothingToIndex, .notAKnowledgeBase, .damaged, .otherVersion: 65
      }
    case is TokenizerError, is TemplateError, is InputError: 65
    case is OutputError: 74
    default: 1
    }
  }

  private static func datasetCode(_ error: DatasetError) -> Int32 {
    switch error {
    case .missingFile: 66
    case .unreadableFile: 74
    default: 65
    }
  }
}
