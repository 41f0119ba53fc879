CREATE OR REPLACE FUNCTION public.ondi_fold(value text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
BEGIN
    -- Text in ASCII has nothing to fold but its capitals, and "C" is the quickest way to them.
    IF octet_length(value) = char_length(value) THEN
        RETURN lower(value COLLATE "C");
    END IF;
    IF value IS NOT NFKC NORMALIZED THEN
        value := normalize(value, NFKC);
    END IF;
    value := regexp_replace(lower(value), '[\u00AD\u034F\u0610\u0611\u0612\u0613\u0614\u0615\u0616\u0617\u0618\u0619\u061A\u061C\u0640\u064B\u064C\u064D\u064E\u064F\u0650\u0651\u0652\u0653\u0654\u0655\u0656\u0657\u0658\u0659\u065A\u065B\u065C\u065D\u065E\u065F\u0670\u0674\u06D6\u06D7\u06D8\u06D9\u06DA\u06DB\u06DC\u06DF\u06E0\u06E1\u06E2\u06E3\u06E4\u06E7\u06E8\u06EA\u06EB\u06EC\u06ED\u115F\u1160\u17B4\u17B5\u180B\u180C\u180D\u180E\u180F\u200B\u200C\u200D\u200E\u200F\u202A\u202B\u202C\u202D\u202E\u2060\u2061\u2062\u2063\u2064\u2065\u2066\u2067\u2068\u2069\u206A\u206B\u206C\u206D\u206E\u206F\u3164\uFE00\uFE01\uFE02\uFE03\uFE04\uFE05\uFE06\uFE07\uFE08\uFE09\uFE0A\uFE0B\uFE0C\uFE0D\uFE0E\uFE0F\uFEFF\uFFA0\uFFF9\uFFFA\uFFFB]', '', 'g');
    value := CASE WHEN value ~ '[\u0622\u0623\u0625\u0671\u0672\u0673\u0649\u06CC\u06A9\u06AA\u0629\u06BE\u06C0\u06C1\u06C2\u06C3\u06D5\u0624\u0626]' THEN translate(value, 'آأإٱٲٳىیکڪةھۀہۂۃەؤئ', 'ااااااييككهههههههءء') ELSE value END;
    RETURN CASE WHEN value ~ '[\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2018\u2019\u201A\u201B\u2032\u02BB\u02BC\u201C\u201D\u201E\u201F\u2033\u0085\u1680\u2028\u2029\u2800\u0660\u06F0\u0661\u06F1\u0662\u06F2\u0663\u06F3\u0664\u06F4\u0665\u06F5\u0666\u06F6\u0667\u06F7\u0668\u06F8\u0669\u06F9]' THEN translate(value, '‐‑‒–—―−‘’‚‛′ʻʼ“”„‟″   ⠀٠۰١۱٢۲٣۳٤۴٥۵٦۶٧۷٨۸٩۹', '-------''''''''''''''"""""     00112233445566778899') ELSE value END;
END
$function$;
