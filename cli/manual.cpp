// SPDX-License-Identifier: Apache-2.0
#include "cli/manual.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "cli/words.hpp"
#include "norma/version.hpp"

namespace norma::cli {
namespace {

constexpr std::array kVariables = {
    Variable{"NORMA_NUM_THREADS", "threads, 1 to 1024; by default the processors that the process may use"},
    Variable{"NORMA_TARGET", "the instruction set: one of those that norma info lists"},
    Variable{"NORMA_DATA", "the folder of the tour's samples"},
    Variable{"TMPDIR", "where pipes that must be read twice are kept meanwhile"},
};

/// An option as it is typed and shown.
struct Entry {
  std::vector<std::string> names;    // "-o", "--output"; empty for what is told by its place
  std::string place;                 // "input", where it is told by its place
  std::string value;                 // "FILE"; empty for a flag
  std::vector<std::string> choices;  // where the type is a list of words: "f32|f64"
  std::string description;
  bool required = false, repeats = false;

  bool takes_files() const { return choices.empty() && (value == "FILE" || value == "IN" || value == "OUT"); }
};

Entry entry_of(const CLI::Option& option) {
  Entry entry;
  for (const std::string& name : option.get_snames()) entry.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) entry.names.push_back("--" + name);
  if (entry.names.empty()) entry.place = option.get_single_name();
  if (option.get_items_expected_max() > 0) entry.value = option.get_type_name();
  if (entry.value.find('|') != std::string::npos) entry.choices = split(entry.value, '|');
  entry.description = option.get_description();
  entry.required = option.get_required();
  entry.repeats = option.get_expected_max() > 1;
  return entry;
}

std::vector<Entry> entries_of(const CLI::App& app) {
  std::vector<Entry> entries;
  for (const CLI::Option* option : app.get_options()) entries.push_back(entry_of(*option));
  return entries;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) { return app.get_subcommands({}); }

std::vector<std::string> names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands_of(app)) names.push_back(command->get_name());
  return names;
}

// ---- man ----

/// Text as roff takes it: no backslash, hyphen or leading dot of its own is read as an instruction.
std::string roff(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '\\') {
      safe += "\\e";
    } else if (c == '-') {
      safe += "\\-";
    } else if ((c == '.' || c == '\'') && (safe.empty() || safe.back() == '\n')) {
      safe += "\\&";
      safe += c;
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string header(const std::string& name) {
  std::string title = name;
  std::transform(title.begin(), title.end(), title.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  // Without a date, so that the same sources give the same page.
  return fmt::format(".\\\" Made from the command's own description of its options.\n.TH {} 1 \"\" \"norma {}\" \"Norma\"\n", roff(title),
                     NORMA_VERSION);
}

std::string option_terms(const std::vector<Entry>& entries) {
  std::string text;
  for (const Entry& entry : entries) {
    std::vector<std::string> names;
    for (const std::string& name : entry.names) names.push_back("\\fB" + roff(name) + "\\fR");
    const std::string value = entry.value.empty() ? "" : "\\fI" + roff(entry.value) + "\\fR";
    const std::string repeats = entry.place.empty() || !entry.repeats ? "" : " ...";
    text += fmt::format(".TP\n{}{}{}{}\n{}\n", fmt::join(names, ", "), names.empty() || value.empty() ? "" : " ", value, repeats,
                        roff(entry.description));
  }
  return text;
}

std::string synopsis(const std::string& words, const std::vector<Entry>& entries) {
  std::string text = fmt::format(".SH SYNOPSIS\n\\fB{}\\fR", roff(words));
  for (const Entry& entry : entries) {
    if (entry.place.empty()) continue;
    const std::string value = fmt::format("\\fI{}\\fR{}", roff(entry.value), entry.repeats ? "..." : "");
    text += entry.required ? " " + value : " [" + value + "]";
  }
  for (const Entry& entry : entries) {
    if (!entry.place.empty() || !entry.required) continue;
    text += fmt::format(" \\fB{}\\fR \\fI{}\\fR", roff(entry.names.front()), roff(entry.value));
  }
  return text + " [options]\n";
}

constexpr const char* kStatus =
    ".SH EXIT STATUS\n.TP\n0\nIt was done.\n.TP\n2\nIt was refused: one sentence on standard error says what, and nothing was "
    "written.\n";

// ---- shells ----

/// In single quotes for a POSIX shell; fish escapes a quote within them otherwise.
std::string shell_quoted(std::string_view text) {
  std::string safe = "'";
  for (const char c : text) {
    if (c == '\'') {
      safe += "'\\''";
    } else {
      safe += c;
    }
  }
  return safe + "'";
}

std::string fish_quoted(std::string_view text) {
  std::string safe = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') safe += '\\';
    safe += c;
  }
  return safe + "'";
}

/// A description within zsh's option[description]:message:action.
std::string zsh_text(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') safe += '\\';
    safe += c;
  }
  return safe;
}

}  // namespace

std::span<const Variable> environment() { return kVariables; }

std::string manual_page(const CLI::App& app) {
  std::string page = header("norma");
  page += ".SH NAME\nnorma \\- normalization layers, built on one idea\n";
  page += ".SH SYNOPSIS\n\\fBnorma\\fR \\fICOMMAND\\fR [options]\n";
  page += fmt::format(".SH DESCRIPTION\n{}\n", roff(app.get_description()));
  page += ".PP\nResults go to standard output. An output file is written beside its place and renamed into it: it is the old one or "
          "the new one, never half of it.\n.SH COMMANDS\n";
  for (const CLI::App* command : commands_of(app)) {
    page += fmt::format(".TP\n\\fBnorma\\-{}\\fR(1)\n{}\n", command->get_name(), roff(command->get_description()));
  }
  page += ".SH OPTIONS\n" + option_terms(entries_of(app)) + kStatus + ".SH ENVIRONMENT\n";
  for (const Variable& variable : environment()) page += fmt::format(".TP\n\\fB{}\\fR\n{}\n", variable.name, roff(variable.meaning));
  page += ".SH SEE ALSO\n";
  std::vector<std::string> others;
  for (const std::string& name : names_of(app)) others.push_back(fmt::format("\\fBnorma\\-{}\\fR(1)", name));
  return page + fmt::format("{}\n", fmt::join(others, ",\n"));
}

std::string command_manual_page(const CLI::App& command) {
  const std::string name = "norma-" + command.get_name();
  const std::vector<Entry> entries = entries_of(command);
  return header(name) + fmt::format(".SH NAME\n{} \\- {}\n", roff(name), roff(command.get_description())) +
         synopsis("norma " + command.get_name(), entries) + ".SH OPTIONS\n" + option_terms(entries) + kStatus +
         ".SH SEE ALSO\n\\fBnorma\\fR(1)\n";
}

std::string bash_completion(const CLI::App& app) {
  const std::vector<std::string> commands = names_of(app);
  std::string text = fmt::format(R"(# bash completion for norma, made from the command's own description of its options
_norma() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command='' i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case ${{COMP_WORDS[i]}} in {}) command=${{COMP_WORDS[i]}} && break ;; esac
  done
  COMPREPLY=()
  case $command:$before in
)",
                                 fmt::join(commands, "|"));
  std::string options, places;
  const auto add = [&](const CLI::App& command) {
    const std::string name = &command == &app ? "" : command.get_name();
    std::vector<std::string> all;
    for (const Entry& entry : entries_of(command)) {
      all.insert(all.end(), entry.names.begin(), entry.names.end());
      std::vector<std::string> at;
      for (const std::string& option : entry.names) at.push_back(fmt::format("{}:{}", name, option));
      const std::string words = fmt::format("compgen -W {} -- \"$word\"", shell_quoted(fmt::format("{}", fmt::join(entry.choices, " "))));
      if (!entry.place.empty()) {
        places += fmt::format("    {}) mapfile -t COMPREPLY < <({}) ;;\n", name,
                              entry.takes_files() ? "compgen -f -- \"$word\"" : words);
      } else if (!entry.value.empty()) {
        text += fmt::format("    {}) {}return ;;\n", fmt::join(at, "|"),
                            entry.takes_files()      ? "mapfile -t COMPREPLY < <(compgen -f -- \"$word\") && "
                            : entry.choices.empty() ? ""
                                                    : "mapfile -t COMPREPLY < <(" + words + ") && ");
      }
    }
    options += fmt::format("      {}) mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\") ;;\n", name.empty() ? "''" : name,
                           fmt::join(all, " "));
  };
  add(app);
  for (const CLI::App* command : commands_of(app)) add(*command);
  text += fmt::format(R"(  esac
  if [[ $word == -* ]]; then
    case $command in
{}    esac
    return
  fi
  case $command in
    '') mapfile -t COMPREPLY < <(compgen -W '{}' -- "$word") ;;
{}  esac
}}
complete -o filenames -F _norma norma
)",
                      options, fmt::join(commands, " "), places);
  return text;
}

std::string zsh_completion(const CLI::App& app) {
  const auto action = [](const Entry& entry) {
    if (entry.takes_files()) return std::string("_files");
    return entry.choices.empty() ? std::string(" ") : fmt::format("({})", fmt::join(entry.choices, " "));
  };
  const auto arguments = [&](const CLI::App& command) {
    std::string lines;
    for (const Entry& entry : entries_of(command)) {
      const std::string value = entry.value.empty() ? "" : fmt::format(":{}:{}", zsh_text(entry.value), action(entry));
      if (!entry.place.empty()) {
        lines += " \\\n        " + shell_quoted(fmt::format("{}{}", entry.repeats ? "*" : "", value));
      }
      for (const std::string& name : entry.names) {
        lines += " \\\n        " + shell_quoted(fmt::format("{}[{}]{}", name, zsh_text(entry.description), value));
      }
    }
    return lines;
  };
  std::string text = "#compdef norma\n# zsh completion for norma, made from the command's own description of its options\n_norma() {\n"
                     "  local state\n  local -a commands=(\n";
  for (const CLI::App* command : commands_of(app)) {
    text += "    " + shell_quoted(command->get_name() + ":" + zsh_text(command->get_description())) + "\n";
  }
  text += fmt::format("  )\n  _arguments -C{} \\\n        '1: :->command' '*:: :->words'\n  case $state in\n"
                      "    command) _describe -t commands command commands ;;\n    words)\n      case $words[1] in\n",
                      arguments(app));
  for (const CLI::App* command : commands_of(app)) text += fmt::format("      {}) _arguments{} ;;\n", command->get_name(), arguments(*command));
  return text + "      esac ;;\n  esac\n}\n_norma \"$@\"\n";
}

std::string fish_completion(const CLI::App& app) {
  std::string text = "# fish completion for norma, made from the command's own description of its options\ncomplete -c norma -f\n";
  const auto add = [&](const CLI::App& command, const std::string& condition) {
    for (const Entry& entry : entries_of(command)) {
      std::string line = "complete -c norma -n " + fish_quoted(condition);
      for (const std::string& name : entry.names) {
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (entry.takes_files()) {
        line += entry.place.empty() ? " -r -F" : " -F";
      } else if (!entry.value.empty()) {
        if (entry.place.empty()) line += " -x";
        if (!entry.choices.empty()) line += " -a " + fish_quoted(fmt::format("{}", fmt::join(entry.choices, " ")));
      }
      text += line + " -d " + fish_quoted(entry.description) + "\n";
    }
  };
  add(app, "__fish_use_subcommand");
  for (const CLI::App* command : commands_of(app)) {
    text += fmt::format("complete -c norma -n __fish_use_subcommand -a {} -d {}\n", command->get_name(), fish_quoted(command->get_description()));
    add(*command, "__fish_seen_subcommand_from " + command->get_name());
  }
  return text;
}

}  // namespace norma::cli
