using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Athanor.Protocol.Generator;

/// <summary>Makes the model of one marked type out of its symbol, and says what is wrong with it.</summary>
internal sealed class Extractor
{
    private static readonly Regex Kind = new("^[a-z][a-z0-9]*(-[a-z0-9]+)*\\.[a-z0-9]+(-[a-z0-9]+)*$", RegexOptions.CultureInvariant);
    private readonly INamedTypeSymbol _type;
    private readonly List<Problem> _problems = [];

    private Extractor(INamedTypeSymbol type) => _type = type;

    public static Extracted Extract(INamedTypeSymbol type)
    {
        var extractor = new Extractor(type);
        var model = extractor.Model();
        var problems = new EquatableArray<Problem>(extractor._problems);
        return new Extracted(problems.Count == 0 ? model : null, problems);
    }

    /// <summary>A record that implements IMessage, can be made, and lacks its mark.</summary>
    public static Problem? Unmarked(INamedTypeSymbol type) =>
        type.IsAbstract || type.TypeKind is not (TypeKind.Class or TypeKind.Struct) || !Names.IsMessageInterfaceOf(type)
        || Names.Attribute(type, Names.Message) is not null
            ? null
            : Problem.At(type, Rules.Unmarked, type.Name);

    private MessageModel? Model()
    {
        var generic = _type.IsGenericType;
        for (var outer = _type.ContainingType; outer is not null; outer = outer.ContainingType) generic |= outer.IsGenericType;
        if (!_type.IsRecord || !_type.IsSealed || generic)
        {
            Report(_type, Rules.NotARecord, _type.Name);
            return null;
        }
        if (Names.Accessibility(_type) is not { } isPublic)
        {
            Report(_type, Rules.NotAccessible, _type.Name);
            return null;
        }
        var (kind, version) = ReadKind();
        var members = ReadMembers();
        return new MessageModel(
            Names.Namespace(_type), Names.CodecName(_type), Names.Full(_type), kind ?? _type.Name, isPublic, _type.IsValueType, kind,
            version, new EquatableArray<MemberModel>(members.OrderBy(member => member.Key)));
    }

    private (string? Kind, int Version) ReadKind()
    {
        if (Names.Attribute(_type, Names.Message) is not { } attribute) return (null, 0);
        var kind = attribute.ConstructorArguments[0].Value as string ?? "";
        var version = attribute.ConstructorArguments[1].Value as int? ?? 1;
        if (!Kind.IsMatch(kind) || version < 1) Report(_type, Rules.BadKind, _type.Name, kind, version.ToString());
        if (!Names.IsMessageInterfaceOf(_type)) Report(_type, Rules.NotAMessage, _type.Name);
        return (kind, version);
    }

    private List<MemberModel> ReadMembers()
    {
        var members = new List<MemberModel>();
        var positional = new HashSet<string>();
        var primary = _type.InstanceConstructors.FirstOrDefault(constructor => constructor.DeclaringSyntaxReferences
            .Any(reference => reference.GetSyntax() is TypeDeclarationSyntax { ParameterList: not null }));
        foreach (var parameter in primary?.Parameters ?? [])
        {
            positional.Add(parameter.Name);
            var property = _type.GetMembers(parameter.Name).OfType<IPropertySymbol>().FirstOrDefault();
            Add(members, parameter, parameter.Type, Names.Key(parameter) ?? (property is null ? null : Names.Key(property)), parameter);
        }
        if (primary is null && !_type.InstanceConstructors.Any(constructor => constructor.Parameters.Length == 0))
            Report(_type, Rules.NoConstructor, _type.Name);
        var seen = new HashSet<string>(positional);
        for (var level = _type; level is not null; level = level.BaseType)
        {
            foreach (var property in level.GetMembers().OfType<IPropertySymbol>())
            {
                if (property.IsStatic || property.IsIndexer || property.IsImplicitlyDeclared || property.Name == "EqualityContract"
                    || !seen.Add(property.Name)) continue;
                var key = Names.Key(property);
                if (property.SetMethod is not { DeclaredAccessibility: Accessibility.Public or Accessibility.Internal })
                {
                    // A computed property is no member; one that stores something and cannot be read back is a mistake.
                    if (key is not null) Report(property, Rules.Unsettable, _type.Name, property.Name);
                    else if (IsStored(property)) Report(property, Rules.MissingKey, _type.Name, property.Name);
                    continue;
                }
                Add(members, property, property.Type, key, null);
            }
        }
        foreach (var twice in members.GroupBy(member => member.Key).Where(group => group.Count() > 1))
        {
            Report(_type, Rules.DuplicateKey, _type.Name, twice.Key.ToString(), twice.First().Name, twice.Skip(1).First().Name);
        }
        return members;
    }

    private static bool IsStored(IPropertySymbol property) =>
        property.ContainingType.GetMembers().OfType<IFieldSymbol>()
            .Any(field => SymbolEqualityComparer.Default.Equals(field.AssociatedSymbol, property));

    private void Add(List<MemberModel> members, ISymbol symbol, ITypeSymbol type, int? key, IParameterSymbol? parameter)
    {
        if (key is null)
        {
            Report(symbol, Rules.MissingKey, _type.Name, symbol.Name);
            return;
        }
        if (key < 0) Report(symbol, Rules.NegativeKey, _type.Name, symbol.Name, key.Value.ToString());
        if (TypeReader.Read(type) is not { } model)
        {
            Report(symbol, Rules.UnsupportedType, _type.Name, symbol.Name, type.ToDisplayString());
            return;
        }
        members.Add(new MemberModel(symbol.Name, key.Value, model, parameter is not null, DefaultOf(parameter)));
    }

    private static string? DefaultOf(IParameterSymbol? parameter)
    {
        if (parameter is not { HasExplicitDefaultValue: true, ExplicitDefaultValue: { } value }) return null;
        var type = parameter.Type;
        if (type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable)
            type = nullable.TypeArguments[0];
        return value switch
        {
            double.NaN => "double.NaN",
            double.PositiveInfinity => "double.PositiveInfinity",
            double.NegativeInfinity => "double.NegativeInfinity",
            float.NaN => "float.NaN",
            float.PositiveInfinity => "float.PositiveInfinity",
            float.NegativeInfinity => "float.NegativeInfinity",
            _ => $"({Names.Full(type)})({SymbolDisplay.FormatPrimitive(value, true, false)}{Suffix(value)})",
        };
    }

    private static string Suffix(object value) => value switch
    {
        float => "f",
        double => "d",
        ulong => "ul",
        long => "L",
        uint => "u",
        _ => "",
    };

    private void Report(ISymbol symbol, DiagnosticDescriptor rule, params string[] words) => _problems.Add(Problem.At(symbol, rule, words));
}
